"""The memory of a process that serves for months: little kept that nobody uses, where the C library is glibc."""

import ctypes
import gc

_M_ARENA_MAX = -8
"""Of ``mallopt`` (malloc.h)."""
_ARENAS = 2
"""Where threads take memory from: by default eight per core, each of which keeps what its threads once needed."""


def spare() -> None:
    """Let all threads share a few arenas. Before any is started."""
    if limit := getattr(ctypes.CDLL(None), "mallopt", None):
        limit(_M_ARENA_MAX, _ARENAS)


def settle() -> None:
    """Give back what only the start needed, and look no more for garbage in what it left. Once it is over."""
    gc.collect()
    gc.freeze()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
