"""Writing result files so that nobody ever sees half of one, and nobody else sees any: they tell of incidents."""

import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import mkstemp


def write_whole(path: Path, content: bytes | Iterable[bytes]) -> None:
    """All of it (mode 0600) or nothing, even where the disk is full, the process dies, or two write at once.

    Raises:
        OSError: the file cannot be written; an earlier one of that name is still as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = mkstemp(dir=path.parent, prefix=".sakimori-", suffix=".partial")
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        error.filename = str(path)  # writing, unlike opening, does not say where
        raise
    finally:
        partial.unlink(missing_ok=True)
