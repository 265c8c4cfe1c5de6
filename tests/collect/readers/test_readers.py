"""What all readers have in common: records are found again, many of them in one pass."""

import io
import json

import pytest

from sakimori.collect.formats import reader_for
from sakimori.collect.readers import RawRecord, Reader, csv_rows, records_at

_EVENT = '{"EventID":1,"Channel":"x","n":%d}'
_MANY = range(1500)
_SOURCES: dict[str, bytes] = {
    "lines": "\n".join(_EVENT % n for n in _MANY).encode(),
    "array": f"[{','.join(_EVENT % n for n in _MANY)}]".encode(),
    "envelope": f'{{"Records":[{",".join(_EVENT % n for n in _MANY)}]}}'.encode(),
    "UTF-16": "\n".join(_EVENT % n for n in _MANY).encode("utf-16"),
    "UTF-16 array": f"[{','.join(_EVENT % n for n in _MANY)}]".encode("utf-16"),
    "Zeek": "".join(
        f"#separator \\x09\n#path\tdns\n#fields\tts\tquery\n#types\ttime\tstring\n{n}.5\ta.example\n" for n in _MANY
    ).encode(),
    "W3C": "".join(f"#Fields: c-ip cs-method n\n10.0.0.1 GET {n}\n" for n in _MANY).encode(),
    "CSV": ("at;user\r\n" + "".join(f'{n};"a\nb"\r\n' for n in _MANY)).encode(),
    "audit": "".join(f"type=CWD msg=audit(1700000000.1:{n}): cwd=/\n" for n in _MANY).encode(),
}


class _Metered(io.BytesIO):
    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


def _reader(data: bytes) -> Reader:
    return csv_rows.CsvReader("utf-8", ";") if data.startswith(b"at;") else reader_for(data[: 64 * 1024])


@pytest.mark.parametrize("source", _SOURCES)
def test_records_are_found_again_one_by_one_and_all_at_once(source: str) -> None:
    data = _SOURCES[source]
    reader = _reader(data)
    found = [item for item in reader.records(io.BytesIO(data), len(data)) if isinstance(item, RawRecord)]
    assert len(found) == len(_MANY)
    offsets = frozenset(item.offset for item in found)
    assert list(records_at(reader, io.BytesIO(data), len(data), offsets | {1, len(data)})) == found
    for item in found[:3] + found[-3:]:
        assert reader.record_at(io.BytesIO(data), len(data), item.offset) == item.raw


@pytest.mark.parametrize("source", ["array", "envelope", "UTF-16", "UTF-16 array", "Zeek", "W3C"])
def test_formats_whose_beginning_counts_are_read_once_for_all_lookups(source: str) -> None:
    data = _SOURCES[source]
    reader = _reader(data)
    file = _Metered(data)
    offsets = [item.offset for item in reader.records(file, len(data)) if isinstance(item, RawRecord)]
    file.taken = 0
    assert sum(1 for _ in records_at(reader, file, len(data), offsets)) == len(_MANY)
    assert file.taken <= 3 * len(data)
    assert json.loads(next(records_at(reader, file, len(data), offsets[-1:])).raw)
