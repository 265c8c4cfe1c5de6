"""Logs of auditd: records of one event come together, however they lie; every line is part of what comes out."""

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.conftest import Reading

from sakimori.collect.formats import reader_for
from sakimori.collect.readers import Damage, RawRecord, auditd


def _line(serial: int, kind: str, text: str = "", node: str = "") -> bytes:
    return f"{node}type={kind} msg=audit(1700000000.123:{serial}): {text}".encode()


def _records(data: bytes) -> list[RawRecord]:
    items = list(auditd.records(io.BytesIO(data), len(data)))
    assert not [item for item in items if isinstance(item, Damage)]
    return [item for item in items if isinstance(item, RawRecord)]


_EVENT = [
    _line(1, "SYSCALL", 'arch=c000003e syscall=59 exe="/usr/bin/wget" key="k"'),
    _line(1, "EXECVE", 'argc=2 a0="wget" a1="--post-file=/etc/shadow"'),
    _line(1, "CWD", 'cwd="/root"'),
    _line(1, "PATH", 'item=0 name="/usr/bin/wget" nametype=NORMAL'),
    _line(1, "PATH", 'item=1 name="x" nametype=CREATE'),
    _line(1, "PROCTITLE", "proctitle=77676574"),
    _line(1, "EOE"),
]


def test_one_event_and_its_paths() -> None:
    joined, first, second = _records(b"\n".join(_EVENT))
    assert joined.raw.split(b"\n") == [*_EVENT[:3], *_EVENT[5:]]
    assert first.raw.split(b"\n") == [_EVENT[3], _EVENT[0], _EVENT[2]]
    assert second.raw.split(b"\n") == [_EVENT[4], _EVENT[0], _EVENT[2]]


def test_events_that_lie_among_one_another_are_told_apart_by_time_serial_and_node() -> None:
    lines = [_line(1, "SYSCALL"), _line(2, "SYSCALL"), _line(1, "SYSCALL", node="node=b "), _line(2, "CWD")]
    lines += [_line(1, "CWD", node="node=b "), _line(1, "CWD")]
    assert [item.raw.split(b"\n") for item in _records(b"\n".join(lines))] == [
        [lines[0], lines[5]],
        [lines[1], lines[3]],
        [lines[2], lines[4]],
    ]


def test_a_second_record_of_a_type_is_an_event_of_its_own() -> None:
    lines = [_line(1, "AVC", "pid=1"), _line(1, "AVC", "pid=2"), _line(1, "SYSCALL")]
    assert [item.raw.split(b"\n") for item in _records(b"\n".join(lines))] == [[lines[0], lines[2]], [lines[1]]]


def test_halves_of_an_event_in_two_files_are_events_with_what_they_have() -> None:
    first, second = b"\n".join(_EVENT[:2]), b"\n".join(_EVENT[3:])
    assert [item.raw for item in _records(first)] == [first]
    rest, *paths = _records(second)
    assert auditd.event(rest.raw).fields["type"] == ["PROCTITLE", "EOE"]
    assert [auditd.event(item.raw).fields["name"] for item in paths] == ["/usr/bin/wget", "x"]


def test_a_record_far_behind_its_event_begins_a_new_one() -> None:
    filler = b"\n".join([_line(2, "USER_LOGIN", "x" * 200)] * (auditd.SPAN // 200))
    data = b"\n".join([_EVENT[0], filler, _EVENT[1]])
    assert _EVENT[0] in [item.raw for item in _records(data)]
    assert _records(data)[-1].raw == _EVENT[1]


_KINDS = st.sampled_from(["SYSCALL", "EXECVE", "PATH", "CWD", "AVC", "EOE"])
_LINES = st.lists(
    st.one_of(
        st.builds(_line, st.integers(1, 3), _KINDS, st.sampled_from(["", "a=1", "x" * 30_000])),
        st.sampled_from([b"", b"garbage", b"\xff\0", _line(9, "CWD", "y" * 200_000)]),
    ),
    max_size=30,
)


@given(_LINES, st.sampled_from([b"\n", b"\r\n"]), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_every_line_is_in_one_event_and_offsets_lead_back(lines: list[bytes], end: bytes, start: bytes) -> None:
    data = start + end.join(lines)
    found = _records(data)
    assert len({item.offset for item in found}) == len(found)
    for item in found:
        assert auditd.record_at(io.BytesIO(data), len(data), item.offset) == item.raw
        assert data.startswith(item.raw.split(b"\n")[0], item.offset)
    shown = [
        line
        for item in found
        for line in (item.raw.split(b"\n")[:1] if b"type=PATH" in item.raw[:10] else item.raw.split(b"\n"))
    ]
    assert sorted(shown) == sorted(line for line in lines if line.strip())


def test_places_between_events_hold_none() -> None:
    data = b"\n".join(_EVENT)
    with pytest.raises(LookupError):
        auditd.record_at(io.BytesIO(data), len(data), data.index(_EVENT[1]))
    with pytest.raises(LookupError):
        auditd.record_at(io.BytesIO(data), len(data), 3)


def test_read_by_content(lines: Callable[[bytes], Reading]) -> None:
    data = b"\n".join([*_EVENT, b"half a li"])
    assert reader_for(data).NAME == "auditd"
    reading = lines(data)
    assert (reading.account.evaluated, reading.account.rejected, reading.account.untimed) == (3, 1, 0)
    assert set(reading.times()) == {1_700_000_000_123_000_000}
    assert {batch.kind.code for batch in reading.batches} == {"SYSCALL", "PATH"}


def test_many_paths_of_one_event_cost_no_more_than_their_lines() -> None:
    """Were each told who did it, these 14 MB would become 40 GB."""
    data = b"\n".join([_line(1, "SYSCALL", "x" * 16_000), *[_line(1, "PATH", "item=1")] * 250_000])
    assert sum(len(item.raw) for item in _records(data)) < 4 * len(data)
