"""Fixtures that every room's tests may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code. CI tries the same examples every time;
# people's machines try new ones.
settings.register_profile("sakimori", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "sakimori")

_SHARED = Path(os.environ.get("SAKIMORI_SHARED") or Path(__file__).parents[2] / "shared")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the shared corpora and standards; absent, tests that need it say so (and fail in CI)."""
    if not (_SHARED / "corpora").is_dir():
        message = f"shared corpora are absent: expected at {_SHARED} (set SAKIMORI_SHARED)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return _SHARED


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh SAKIMORI_HOME."""
    path = tmp_path / "home"
    monkeypatch.setenv("SAKIMORI_HOME", str(path))
    return path
