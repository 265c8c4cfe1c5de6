"""Where detection rules lie."""

from importlib.resources import as_file, files
from pathlib import Path


def own_rules() -> Path:
    """The rules that ship with Sakimori."""
    with as_file(files("sakimori.content") / "rules") as folder:
        return folder
