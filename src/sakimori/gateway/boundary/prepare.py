"""Loading what texts are looked through with: before the first text, which would wait for a second otherwise."""

from pathlib import Path

from sakimori.gateway.boundary.detectors.search import gates
from sakimori.gateway.boundary.dictionary import Dictionary
from sakimori.gateway.boundary.passage import Boundary

_TEXT = "担当の青空花子様は東京都千代田区丸の内1-1 に住む。 Jane Doe, 12 Main Street, born 1990-01-02, user: jdoe"
"""Something of most kinds, so that word lists and tables are read, too."""


def keep_compiled_in(folder: Path) -> None:
    """Keep compiled patterns in a folder of the user's own (see ``sakimori.compiled``), and take them from there."""
    gates.keep_in(folder)


def prepare() -> None:
    """Compile patterns and read word lists, which takes a second of CPU (0.2 s where they are kept). Blocks; once per
    process."""
    gates.prepare()
    Boundary("", bytes(32), Dictionary()).find(_TEXT)
