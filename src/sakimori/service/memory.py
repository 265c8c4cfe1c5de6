"""The memory of a process that serves for months: little kept that nobody uses, where the C library is glibc."""

import asyncio
import ctypes
import gc

_M_ARENA_MAX = -8
"""Of ``mallopt`` (malloc.h)."""
_ARENAS = 2
"""Where threads take memory from: by default eight per core, each of which keeps what its threads once needed."""
_TRIM_SECONDS = 10.0


def spare() -> None:
    """Let all threads share a few arenas. Before any is started."""
    if limit := getattr(ctypes.CDLL(None), "mallopt", None):
        limit(_M_ARENA_MAX, _ARENAS)


def settle() -> None:
    """Give back what only the start needed, and look no more for garbage in what it left. Once it is over."""
    gc.collect()
    gc.freeze()
    _trim()


async def keep_trimmed() -> None:
    """Give back now and then what only a moment needed (an inventory that was read, a burst), until cancelled."""
    while True:
        await asyncio.sleep(_TRIM_SECONDS)
        await asyncio.to_thread(_trim)


def _trim() -> None:
    """Takes a few milliseconds, in which others may go on."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
