"""Writing result files so that nobody ever sees half of one."""

from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """All of it or nothing, even where the disk is full or the process dies.

    Raises:
        OSError: the file cannot be written; an earlier one of that name is still as it was.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
