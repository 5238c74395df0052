from ckm_stream.pipeline.records import Headers, OutputRecord

RECORDS_AT: int
CHECKED_FROM: int

def pack_outputs(outputs: list[OutputRecord], limit: int) -> list[tuple[bytes, int]]: ...
def pack_entries(
    entries: list[tuple[bytes, bytes]], headers: Headers, limit: int
) -> list[tuple[bytes, int]]: ...
def by_target(
    outputs: list[OutputRecord],
) -> dict[tuple[str, int | None], list[OutputRecord]]: ...
def write_header(
    batch: bytearray,
    *,
    attributes: int,
    count: int,
    timestamp_ms: int,
    producer_id: int,
    epoch: int,
    sequence: int,
) -> None: ...
def write_checksum(batch: bytearray, checksum: int) -> None: ...
