"""Where the shared corpora lie for benchmarks."""

import os
import sys
from pathlib import Path


def shared_folder() -> Path:
    """``SAKIMORI_SHARED``, or ``../shared`` beside the checkout; without it there is nothing to measure on."""
    folder = Path(os.environ.get("SAKIMORI_SHARED") or Path(__file__).parents[2] / "shared")
    if not (folder / "corpora").is_dir():
        sys.exit(f"shared corpora are absent: expected at {folder} (set SAKIMORI_SHARED)")
    return folder
