from ckm_stream.native.choices import Choices

def folded(
    data: bytes | None, source: int, value: bytes, choices: Choices, partition: int = 0
) -> bytes | None: ...
def folded_employee(
    data: bytes | None, value: bytes, choices: Choices, partition: int = 0
) -> bytes | None: ...
