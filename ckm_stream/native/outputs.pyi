from ckm_stream.native.choices import Choices

def outputs_of(
    source: int, value: bytes, heads: tuple[bytes, bytes, bytes], choices: Choices
) -> tuple[bytes | None, bytes | None, bytes | None]: ...
