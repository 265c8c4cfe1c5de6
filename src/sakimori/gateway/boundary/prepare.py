"""Loading what texts are looked through with: before the first text, which would wait for a second otherwise."""

from sakimori.gateway.boundary.detectors import gates
from sakimori.gateway.boundary.dictionary import Dictionary
from sakimori.gateway.boundary.passage import Boundary

_TEXT = "担当の青空花子様は東京都千代田区丸の内1-1 に住む。 Jane Doe, 12 Main Street, born 1990-01-02, user: jdoe"
"""Something of most kinds, so that word lists and tables are read, too."""


def prepare() -> None:
    """Compile patterns and read word lists, which takes a second of CPU. Blocks; once per process."""
    gates.prepare()
    Boundary("", bytes(32), Dictionary()).find(_TEXT)
