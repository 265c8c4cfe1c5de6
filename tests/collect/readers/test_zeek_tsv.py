"""Zeek's tabular logs become the JSON that Zeek would have written, whatever stands around and between them."""

import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.conftest import Reading

from sakimori.collect.readers import Damage, RawRecord, zeek_tsv

# After the Zeek manual, "Zeek Log Formats": a conn.log and a dns.log, shortened.
CONN = rb"""#separator \x09
#set_separator	,
#empty_field	(empty)
#unset_field	-
#path	conn
#open	2013-12-31-10-00-00
#fields	ts	uid	id.orig_h	id.orig_p	id.resp_h	proto	service	duration	conn_state	local_orig	parents
#types	time	string	addr	port	addr	enum	string	interval	string	bool	set[string]
1300475167.096535	CHhAvVGS1DHFjwGM9	141.142.220.202	5353	224.0.0.251	udp	dns	-	S0	T	(empty)
1300475168.853899	CmES5u32sYpV7JYN	141.142.220.118	43927	141.142.2.2	udp	dns	0.000435	SF	F	CdfHBz,\x2d
#close	2013-12-31-10-00-05
"""
DNS = rb"""#separator \x7c
#set_separator|;
#unset_field|-
#path|dns
#fields|ts|uid|query|answers|TTLs|rejected
#types|time|string|string|vector[string]|vector[interval]|bool
1300475168.853899|CmES5u|www.example.com|a\x3bb;10.0.0.1|60.0;60.000000|F
"""


def _items(data: bytes) -> list[object]:
    return list(zeek_tsv.records(io.BytesIO(data), len(data)))


def _objects(data: bytes) -> list[dict[str, object]]:
    return [json.loads(item.raw) for item in _items(data) if isinstance(item, RawRecord)]


def test_values_get_their_types_and_unset_fields_are_absent() -> None:
    first, second = _objects(CONN)
    assert first == {
        "_path": "conn",
        "ts": 1300475167.096535,
        "uid": "CHhAvVGS1DHFjwGM9",
        "id.orig_h": "141.142.220.202",
        "id.orig_p": 5353,
        "id.resp_h": "224.0.0.251",
        "proto": "udp",
        "service": "dns",
        "conn_state": "S0",
        "local_orig": True,
        "parents": [],
    }
    assert (second["duration"], second["parents"]) == (0.000435, ["CdfHBz", "-"])


def test_several_logs_in_one_file_have_their_own_headers() -> None:
    *_, record = _objects(CONN + DNS)
    assert record["_path"] == "dns"
    assert record["answers"] == ["a;b", "10.0.0.1"]
    assert record["TTLs"] == [60.0, 60.0]
    assert record["rejected"] is False


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (rb"\\srv\IPC$", r"\srv\IPC$"),
        (rb"\x5c\x5csrv", r"\\srv"),
        (rb"\xe9\x98\xb2\xe4\xba\xba", "防人"),
        ("防人".encode(), "防人"),
        (b"\xff", r"\xff"),
        (rb"a\x00b\x09", r"a\x00b\x09"),
        (b"(empty)", ""),
        (rb"\x2d", "-"),
    ],
)
def test_escapes_are_read_as_zeeks_own_json_writes_them(cell: bytes, value: str) -> None:
    assert _objects(b"#separator \\x09\n#fields\tts\tname\n#types\ttime\tstring\n1.5\t" + cell) == [
        {"ts": 1.5, "name": value}
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"1.5\tx\n", "a Zeek record without a header above it (no line #fields)"),
        (b"#fields\ta\tb\n#types\tstring\nx\ty\n", "the Zeek header names 2 fields but 1 types"),
        (b"#fields\ta\ta\n#types\tstring\tstring\nx\ty\n", "the Zeek header names a field twice"),
        (b"#fields\ta\tb\n#types\tint\tint\n1\n", "the line has 1 values where the Zeek header names 2 fields"),
    ],
)
def test_what_cannot_be_read_is_rejected_with_its_reason(data: bytes, reason: str) -> None:
    (damage,) = _items(data)
    assert isinstance(damage, Damage)
    assert damage.reason == reason


_LINES = st.lists(
    st.sampled_from([*(CONN + DNS).splitlines(), b"", b"#fields", b"#close", b"a|b", b"\xff\t\xfe", b"#types\tint"]),
    max_size=40,
)


@given(_LINES, st.sampled_from([b"\n", b"\r\n"]))
def test_every_line_is_header_or_accounted_for_and_offsets_lead_back(lines: list[bytes], end: bytes) -> None:
    data = end.join(lines)
    items = _items(data)
    assert len(items) == sum(bool(line.strip()) and not line.startswith(b"#") for line in lines)
    for item in items:
        assert isinstance(item, RawRecord | Damage)
        if isinstance(item, RawRecord):
            assert zeek_tsv.record_at(io.BytesIO(data), len(data), item.offset) == item.raw
        else:
            with pytest.raises(LookupError):
                zeek_tsv.record_at(io.BytesIO(data), len(data), item.offset)


def test_a_backslash_may_be_the_separator() -> None:
    assert _objects(b"#separator \\\\\n#fields\\\\a\\\\b\n#types\\\\int\\\\int\n1\\\\2") == [{"a": 1, "b": 2}]


def test_a_header_far_above_still_counts() -> None:
    data = CONN + CONN.splitlines()[8] * 1 + b"\n" + (CONN.splitlines()[9] + b"\n") * 5000
    *_, last = (item for item in _items(data) if isinstance(item, RawRecord))
    assert zeek_tsv.record_at(io.BytesIO(data), len(data), last.offset) == last.raw


def test_a_log_is_known_by_its_header_and_becomes_events(lines: Callable[[bytes], Reading]) -> None:
    reading = lines(CONN + DNS)
    assert {(batch.kind.product, batch.kind.channel) for batch in reading.batches} == {
        ("zeek", "conn"),
        ("zeek", "dns"),
    }
    assert reading.times() == [1300475167096535000, 1300475168853899000, 1300475168853899000]
    assert reading.account.source is not None
    assert reading.account.source.format == "zeek_tsv"
