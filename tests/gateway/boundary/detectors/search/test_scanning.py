from pathlib import Path

import pytest

from sakimori.gateway.boundary import Boundary, Dictionary, Span
from sakimori.gateway.boundary.detectors.search import reading, scanning

_TEXT = "mail hanako@bank.example, 電話 090-1234-5678, password=x9!kkd"


def _found() -> list[Span]:
    """By a boundary that has not read the text before."""
    reading.forget()
    return Boundary("aozora", b"k" * 32, Dictionary()).find(_TEXT)[1]


def test_what_is_compiled_is_kept_and_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache"
    monkeypatch.setattr(scanning, "_folder", folder)
    expected = _found()
    monkeypatch.setattr(scanning, "_scanners", ())
    scanning.prepare()
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert kept
    next(folder.iterdir()).write_bytes(b"damaged")
    monkeypatch.setattr(scanning, "_scanners", ())
    assert _found() == expected
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == kept
    assert len(expected) >= 3
