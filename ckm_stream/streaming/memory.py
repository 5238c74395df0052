"""What the C library does with memory that is freed: keeps it, unless it is told otherwise."""

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = 1 << 20


def return_large_buffers() -> None:
    """
    Let what takes a mebibyte or more have pages of its own, which go when it is freed.

    glibc raises its threshold to the largest buffer that was ever freed, up to 32 MiB; fetches then
    share the heap with the states that are kept of them, and it never shrinks (mallopt(3)).
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # musl has no such option, and no such habit
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def return_freed_pages() -> None:
    """
    Give the system back what is free between that which is kept: after much was read or forgotten.

    By itself glibc gives back only what is free at the heap's end. A hundredth of a second for a
    gigabyte (malloc_trim(3)).
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
