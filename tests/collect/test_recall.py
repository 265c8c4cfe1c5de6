"""Every event id leads back to its raw record, for every format, or one sentence says why not."""

import io
import zipfile
from pathlib import Path

import pytest
from tests.collect.conftest import gather

from sakimori.collect import SourceGone, raw_record, raw_records
from sakimori.collect.json_records import cell, event
from sakimori.core import InputError
from sakimori.records import OFFSET, Source

FLAT = b'{"EventID":1,"Channel":"x","n":%d}'


def _assert_invertible(path: Path, formats: set[str]) -> None:
    reading = gather(path)
    assert {batch.source.format for batch in reading.batches} == formats
    for batch in reading.batches:
        offsets = batch.rows.column(OFFSET).to_pylist()
        for row, (offset, raw) in enumerate(raw_records(batch.source, offsets)):
            assert {name: cell(value) for name, value in event(raw).fields.items()} == batch.fields(row)
            assert raw_record(batch.source, offset) == raw


def test_json_lines_and_documents(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf" + FLAT % 1 + b"\r\n\r\noops\n" + FLAT % 2)
    (tmp_path / "b").write_bytes(b"[\n" + FLAT % 1 + b",\n" + FLAT % 2 + b"]")
    _assert_invertible(tmp_path, {"ndjson", "json"})


def test_event_logs_and_archives(shared: Path, tmp_path: Path) -> None:
    log = min((shared / "corpora/evtx-to-mitre").rglob("*.evtx"), key=lambda path: (path.stat().st_size, path.name))
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a!b.json", FLAT % 1)
        archive.write(log, "log")
    with zipfile.ZipFile(tmp_path / "outer!zip", "w") as archive:
        archive.writestr("inner", inner.getvalue())
        archive.writestr("same", FLAT % 3)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("same", FLAT % 4)
    _assert_invertible(tmp_path, {"ndjson", "evtx"})


def _source(path: Path) -> Source:
    (batch,) = gather(path).batches
    return batch.source


def test_a_file_that_grew_still_holds_its_records(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(FLAT % 1 + b"\n")
    source = _source(path)
    path.write_bytes(FLAT % 1 + b"\n" + FLAT % 2 + b"\n")
    assert raw_record(source, 0) == FLAT % 1


@pytest.mark.parametrize("name", ["a", "a.zip"])
def test_changed_and_vanished_sources_are_told_apart(tmp_path: Path, name: str) -> None:
    path = tmp_path / name

    def write(content: bytes) -> None:
        if name.endswith("zip"):
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("in", content)
        else:
            path.write_bytes(content)

    write(FLAT % 1)
    source = _source(path)
    write(FLAT % 2)
    with pytest.raises(SourceGone) as changed:
        raw_record(source, 0)
    assert str(changed.value) == f"{source.path} has changed since it was read: restore the file to see its raw records"
    path.unlink()
    with pytest.raises(SourceGone) as gone:
        raw_record(source, 0)
    assert str(gone.value) == f"{source.path} is gone: restore the file to see its raw records"


def test_an_offset_where_nothing_begins_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(FLAT % 1)
    with pytest.raises(InputError) as caught:
        raw_record(_source(path), 5)
    assert str(caught.value) == f"{path}: no record begins at byte 5: check the event id"
