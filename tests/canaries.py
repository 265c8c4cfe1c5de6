"""Secrets that can be told from all else, so that they are found wherever they must not be.

For a whole test session, every data key and master key that is made in this process carries a mark. Afterwards the mark
is looked for, raw, in hexadecimal and in base64, in all that the session left or showed: files, databases, ledgers,
logs, output, errors. Only the file of a master key may hold it.
"""

import base64
import logging
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes
from typing import Any
from unittest.mock import patch

from click.testing import CliRunner, Result

from sakimori.access import master, secrets

MARK = b"SAKIMORI-CANARY"
"""15 bytes: in base64 its form does not depend on what follows."""
_AT_ONCE = 1 << 20


class Watch(logging.Handler):
    """What was shown, and where a mark stood in it."""

    def __init__(self, mark: bytes) -> None:
        super().__init__(logging.NOTSET)
        self.found: list[str] = []
        as_hex, as_base64 = mark.hex().encode(), base64.b64encode(mark)
        self._forms = (mark, as_hex, as_hex.upper(), as_base64, base64.urlsafe_b64encode(mark))

    def look(self, where: str, text: str) -> None:
        if self._marked(text.encode("utf-8", "surrogateescape")):
            self.found.append(where)

    def emit(self, record: logging.LogRecord) -> None:
        self.look(f"a log line of {record.name}", f"{record.getMessage()} {record.__dict__}")

    def search(self, folder: Path) -> None:
        """Look through all files below a folder."""
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and not _is_master_key(path) and self._file_is_marked(path):
                self.found.append(str(path))

    def _file_is_marked(self, path: Path) -> bool:
        try:
            return any(map(self._marked, self._windows(path)))
        except OSError:
            return False  # a pipe, or a file that a test closed to all

    def _windows(self, path: Path) -> Iterator[bytes]:
        """The file in pieces that overlap, so that no mark falls between two."""
        longest = max(map(len, self._forms))
        with path.open("rb") as file:
            before = b""
            while piece := file.read(_AT_ONCE):
                yield before + piece
                before = piece[-longest:]

    def _marked(self, data: bytes) -> bool:
        return any(form in data for form in self._forms)


@contextmanager
def planted(mark: bytes = MARK) -> Generator[Watch]:
    """Marks every key that is made meanwhile, and watches logs and commands."""
    watch = Watch(mark)
    invoke = CliRunner.invoke

    def marked_bytes(count: int) -> bytes:
        return mark + token_bytes(count - len(mark)) if count == secrets.KEY_BYTES else token_bytes(count)

    def watched(*arguments: Any, **options: Any) -> Result:
        result = invoke(*arguments, **options)
        watch.look("the output of a command", f"{result.output} {result.exception!r}")
        return result

    logging.getLogger().addHandler(watch)
    with (
        patch.object(secrets, "token_bytes", marked_bytes),
        patch.object(master, "token_bytes", marked_bytes),
        patch.object(CliRunner, "invoke", watched),
    ):
        try:
            yield watch
        finally:
            logging.getLogger().removeHandler(watch)


def _is_master_key(path: Path) -> bool:
    """Wherever a test moved its folder to."""
    return re.fullmatch(r"master-[0-9a-f]{16}\.key", path.name) is not None
