"""The folder where compiled rules are kept. It saves time and nothing else: where it cannot be used, work goes on.

What lies in it is trusted (a Hyperscan database is machine tables): it must be the user's own.
"""

import hashlib
import logging
from pathlib import Path

from sakimori.core import plain

_log = logging.getLogger("sakimori.detect")
_said: set[Path] = set()
"""Folders that were complained of."""


def read(path: Path) -> bytes | None:
    """What is kept there; None where that is nothing or cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        _say_unusable(path.parent, error)
        return None


def keep(path: Path, data: bytes) -> None:
    """Replace ``path`` in one step, so that a reader or a crash never meets half a file. Failing is said once."""
    digest = hashlib.blake2b(data, digest_size=8).hexdigest()
    partial = path.with_name(f"{path.name}.{digest}.partial")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        _say_unusable(path.parent, error)


def _say_unusable(folder: Path, error: OSError) -> None:
    """Once for each folder, however many files there are."""
    if folder not in _said:
        _said.add(folder)
        reason = error.strerror or str(error)
        _log.warning(
            "%s: compiled rules cannot be kept here (%s): every start makes them anew", plain(str(folder)), reason
        )
