"""W3C extended logs, as of IIS and proxies: samples after the working draft and Microsoft's documentation."""

import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.conftest import Reading

from sakimori.collect.readers import Damage, RawRecord, w3c

IIS = b"""#Software: Microsoft Internet Information Services 10.0
#Version: 1.0
#Date: 2026-11-22 01:02:03
#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query cs-username c-ip cs(User-Agent) sc-status
2026-11-22 01:02:03 10.0.0.9 GET /owa/ - - 203.0.113.5 Mozilla/5.0+(Windows+NT) 200
"""
PROXY = b"""#Fields: date time c-ip cs-host cs-uri cs(User-Agent) sc-status
2026-11-22 01:02:04 10.0.0.5 evil.example http://evil.example/gate.php "curl 8" 200
"""


def _items(data: bytes) -> list[object]:
    return list(w3c.records(io.BytesIO(data), len(data)))


def test_values_have_the_names_of_the_last_fields_line() -> None:
    records = [json.loads(item.raw) for item in _items(IIS + PROXY) if isinstance(item, RawRecord)]
    assert records[0]["cs-uri-stem"] == "/owa/"
    assert records[0]["cs-uri-query"] == "-"
    assert records[1]["cs(User-Agent)"] == "curl 8"
    assert list(records[1]) == ["date", "time", "c-ip", "cs-host", "cs-uri", "cs(User-Agent)", "sc-status"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"2026-11-22 01:02:03\n", "a record without a line #Fields above it"),
        (b"#Fields: a b\n1\n", "the line has 1 values where #Fields names 2"),
    ],
)
def test_what_cannot_be_read_is_rejected_with_its_reason(data: bytes, reason: str) -> None:
    (damage,) = _items(data)
    assert isinstance(damage, Damage)
    assert damage.reason == reason


_LINES = st.lists(
    st.sampled_from(
        [*(IIS + PROXY).splitlines(), b"", b"#Fields:", b"#Fields: a", b'"x y"', b'"', b"\xff", b"\xef\xbb\xbf#"]
    )
)


@given(_LINES, st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_every_line_is_accounted_for_and_offsets_lead_back(lines: list[bytes], start: bytes) -> None:
    data = start + b"\r\n".join(lines)
    for item in _items(data):
        assert isinstance(item, RawRecord | Damage)
        if isinstance(item, RawRecord):
            assert w3c.record_at(io.BytesIO(data), len(data), item.offset) == item.raw
        else:
            with pytest.raises(LookupError):
                w3c.record_at(io.BytesIO(data), len(data), item.offset)


def test_a_header_far_above_still_counts() -> None:
    data = IIS + IIS.splitlines()[-1] + b"\n" + (IIS.splitlines()[-1] + b"\n") * 5000
    *_, last = (item for item in _items(data) if isinstance(item, RawRecord))
    assert w3c.record_at(io.BytesIO(data), len(data), last.offset) == last.raw


def test_a_log_is_known_by_its_directives(lines: Callable[[bytes], Reading]) -> None:
    reading = lines(IIS + PROXY)
    assert reading.account.source is not None
    assert reading.account.source.format == "w3c"
    assert {(batch.kind.product, batch.kind.channel) for batch in reading.batches} == {("w3c", "access")}
    assert reading.times() == [1795309323000000000, 1795309324000000000]
    assert reading.events()[0]["cs(User-Agent)"] == "Mozilla/5.0 (Windows NT)"
