"""
Bodies of requests, read within bounds: of type, size, time, and of what they unpack to.

The bound is applied before anything is kept: to the length that is announced, then to what comes,
then to what it becomes. A gigabyte that is a megabyte on the wire is refused at its first megabyte
(promise P20).
"""

import asyncio
import zlib
from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request

from ckm_stream.gateway.problems import Problem

_GZIP_WINDOW: Final = zlib.MAX_WBITS | 16


def media_type_of(request: Request, accepted: Collection[str]) -> str:
    """
    Return the body's media type.

    Raises:
        Problem: 415 if it is none of *accepted*, or is not in UTF-8.
    """
    content_type = request.headers.get("content-type", "")
    name, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {part.removeprefix("charset=").strip('"') for part in parameters}
    if name not in accepted or charsets - {"utf-8", ""}:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Type must be one of {', '.join(sorted(accepted))}, in UTF-8",
            headers={"Accept": ", ".join(sorted(accepted))},
        )
    return name


async def read_body(request: Request, *, max_bytes: int, timeout_s: float) -> bytes:
    """
    Return the body, unpacked if it was sent with gzip.

    Args:
        request: Whose body has not been read.
        max_bytes: Of the body, as sent and unpacked.
        timeout_s: Seconds within which all of it must have come.

    Raises:
        Problem: 408, 413, 415 or 400; what is too long was not read to its end.
    """
    is_packed = _is_packed(request)
    _refuse_announced(request, max_bytes)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                chunks.append(chunk)
    except TimeoutError:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT,
            f"the body did not come within {timeout_s:g} s",
            headers={"Connection": "close"},
        ) from None
    except ClientDisconnect:
        raise Problem(HTTPStatus.BAD_REQUEST, "the body ended before its length") from None
    body = b"".join(chunks)
    return _unpack(body, max_bytes) if is_packed else body


def _refuse_announced(request: Request, max_bytes: int) -> None:
    announced = request.headers.get("content-length", "0")
    if not (announced.isascii() and announced.isdigit()):
        raise Problem(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
    if int(announced) > max_bytes:
        raise _too_large(max_bytes)


def _is_packed(request: Request) -> bool:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Content-Encoding must be gzip or identity",
            headers={"Accept-Encoding": "gzip, identity"},
        )
    return encoding == "gzip"


def _unpack(data: bytes, max_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        unpacked = unpacker.decompress(data, max_bytes + 1)
    except zlib.error:
        raise Problem(HTTPStatus.BAD_REQUEST, "the body is not gzip") from None
    if len(unpacked) > max_bytes:
        raise _too_large(max_bytes)
    if not unpacker.eof or unpacker.unused_data:
        raise Problem(HTTPStatus.BAD_REQUEST, "the body is not one whole gzip stream")
    return unpacked


def _too_large(max_bytes: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"a body may have {max_bytes:,} bytes, unpacked too; send fewer events at once",
        headers={"Connection": "close"},
    )
