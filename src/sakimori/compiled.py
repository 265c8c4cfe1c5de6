"""The folder where compiled rules and patterns are kept. It saves time and nothing else: without it, work goes on.

What lies in it is trusted (a Hyperscan database is machine tables, run as they are): folder and file must be the user's
own, and nobody else may write to them. A folder that is not so is left alone, and one beside it is used.
"""

import hashlib
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sakimori.core import SakimoriError
from sakimori.observe import Event, Level, log

_said: set[Path] = set()
"""Folders that were complained of."""


class CacheError(SakimoriError):
    """Compiled rules and patterns cannot be kept, or what is kept cannot be trusted."""


@dataclass(frozen=True)
class Unusable(Event, id="compiled.unusable", level=Level.WARNING):
    """Rules and patterns are compiled anew at every start, or were this time."""

    error: CacheError


def read(path: Path) -> bytes | None:
    """What is kept there; None where that is nothing, cannot be read, or others could have written it."""
    for folder in _places(path.parent):
        try:
            with _opened(folder) as handle:
                return _content(path.name, handle, folder)
        except FileNotFoundError:
            return None
        except CacheError as error:
            _say(folder, error)
        except OSError as error:
            _say(folder, _unusable(folder, error))
            return None
    return None


def keep(path: Path, data: bytes) -> None:
    """Replace ``path`` in one step, so that a reader or a crash never meets half a file. Failing is said once."""
    digest = hashlib.blake2b(data, digest_size=8).hexdigest()
    partial = f"{path.name}.{digest}.partial"
    for folder in _places(path.parent):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _opened(folder) as handle:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
                with os.fdopen(os.open(partial, flags, 0o600, dir_fd=handle), "wb") as file:
                    file.write(data)
                os.replace(partial, path.name, src_dir_fd=handle, dst_dir_fd=handle)
                return
        except CacheError as error:
            _say(folder, error)
        except OSError as error:
            _say(folder, _unusable(folder, error))
            return


def _places(folder: Path) -> tuple[Path, Path]:
    """Where to look: the folder, and where that belongs to others or is open to them, the one beside it."""
    return folder, folder.with_name(f"{folder.name}-{os.geteuid()}")


@contextmanager
def _opened(folder: Path) -> Generator[int]:
    """A folder, checked once it is open: whoever swaps it afterwards changes nothing for us."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _written_by_others(os.fstat(handle)):
            raise CacheError(
                f"{folder}: compiled rules and patterns are not taken from a folder that others own or may write to: "
                f"they are kept in {_places(folder)[1]} instead; remove it, or run chown and chmod 700"
            )
        yield handle
    finally:
        os.close(handle)


def _content(name: str, folder_handle: int, folder: Path) -> bytes | None:
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder_handle), "rb") as file:
        status = os.fstat(file.fileno())
        if _written_by_others(status) or not stat.S_ISREG(status.st_mode):
            _say(folder / name, CacheError(f"{folder / name}: others own it or may write to it: it is made anew"))
            return None
        return file.read()


def _written_by_others(status: os.stat_result) -> bool:
    return status.st_uid != os.geteuid() or bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _unusable(folder: Path, error: OSError) -> CacheError:
    reason = error.strerror or str(error)
    return CacheError(
        f"{folder}: compiled rules and patterns cannot be kept here ({reason}): every start makes them anew"
    )


def _say(place: Path, error: CacheError) -> None:
    """Once for each place, however many files there are."""
    if place not in _said:
        _said.add(place)
        log(Unusable(error))
