"""Windows events exported as XML, in the forms of Windows' own tools."""

import io
import re
from collections.abc import Callable
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.conftest import Reading

from sakimori.collect.readers import Damage, RawRecord, windows_xml
from sakimori.collect.shapes import ShapeError
from sakimori.core import parse_rfc3339

_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


def event(number: int, command: str = "whoami", inside: str = "") -> str:
    """After https://learn.microsoft.com/windows/security/threat-protection/auditing/event-4688, shortened."""
    return (
        f"<Event xmlns='{_NAMESPACE}'><System><Provider Name='Microsoft-Windows-Security-Auditing'/>"
        "<EventID>4688</EventID><TimeCreated SystemTime='2026-11-12T02:24:52.377352500Z'/>"
        f"<EventRecordID>{number}</EventRecordID><Correlation/><Execution ProcessID='4' ThreadID='304'/>"
        "<Channel>Security</Channel><Computer>WIN-GG82ULGC9GO.bank.example</Computer><Security/></System>"
        f"<EventData><Data Name='CommandLine'>{command}</Data><Data Name='Empty'/>{inside}</EventData>"
        "<RenderingInfo Culture='ja-JP'><Message>新しいプロセス</Message></RenderingInfo></Event>"
    )


_FORMS: dict[str, Callable[[list[str]], str]] = {
    "wevtutil": "".join,
    "Get-WinEvent": "\r\n".join,
    "Event Viewer": lambda events: (
        '<?xml version="1.0" encoding="utf-8" standalone="yes"?>\r\n<Events>' + "".join(events) + "</Events>\r\n"
    ),
}


def _items(data: bytes) -> list[RawRecord | Damage]:
    items = list(windows_xml.records(io.BytesIO(data), len(data)))
    return [item for item in items if isinstance(item, RawRecord | Damage)]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("form", _FORMS)
def test_exports_of_windows_are_read_by_content(form: str, codec: str, lines: Callable[[bytes], Reading]) -> None:
    text = _FORMS[form]([event(number, escape("cmd /c 防人 > a & b")) for number in range(3)])
    reading = lines(text.encode(codec))
    (batch,) = reading.batches
    assert (batch.kind.product, batch.kind.channel, batch.kind.code) == ("windows", "Security", "4688")
    assert [event["EventRecordID"] for event in reading.events()] == ["0", "1", "2"]
    assert reading.events()[0]["CommandLine"] == "cmd /c 防人 > a & b"
    assert reading.events()[0]["Computer"] == "WIN-GG82ULGC9GO.bank.example"
    assert reading.times() == [parse_rfc3339("2026-11-12T02:24:52.3773525Z")] * 3
    assert (reading.account.evaluated, reading.account.rejected) == (3, 0)


@given(
    st.lists(st.text(st.sampled_from("a<&>'\"]/! 防\n"), max_size=9), max_size=5),
    st.sampled_from(sorted(_FORMS)),
    st.integers(1, 50),
)
def test_elements_come_out_as_they_went_in_however_the_blocks_fall(commands: list[str], form: str, block: int) -> None:
    events = [event(number, escape(command)) for number, command in enumerate(commands)]
    data = _FORMS[form](events).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sakimori.collect.readers.window._BLOCK", block)
        items = _items(data)
    assert [item.raw.decode() for item in items if isinstance(item, RawRecord)] == events
    assert len(items) == len(events)
    for item, command in zip(items, commands, strict=True):
        assert isinstance(item, RawRecord)
        assert windows_xml.record_at(io.BytesIO(data), len(data), item.offset) == item.raw
        assert windows_xml.event(item.raw).fields["CommandLine"] == command
        with pytest.raises(LookupError):
            windows_xml.record_at(io.BytesIO(data), len(data), item.offset + 1)


@given(st.data())
def test_wherever_an_export_is_cut_each_event_is_read_or_listed(data: st.DataObject) -> None:
    events = [event(number) for number in range(3)]
    content = "".join(events).encode()
    start = data.draw(st.integers(0, len(content) - 1))
    end = data.draw(st.integers(start + 1, len(content)))
    items = _items(content[start:end])
    whole = [event for event in events if event.encode() in content[start:end]]
    assert [item.raw.decode() for item in items if isinstance(item, RawRecord)] == whole
    assert all(content[start:end][item.offset :].startswith(item.excerpt) for item in items if isinstance(item, Damage))


def test_damage_is_listed_with_its_place_and_the_next_event_is_read() -> None:
    first, second = event(1), event(2)
    data = f"{first}<Event><System>{second}oops{first}<Event>".encode()
    items = _items(data)
    length = len(first.encode())
    assert [(item.offset, item.reason) for item in items if isinstance(item, Damage)] == [
        (length, "the event breaks off where the next one begins"),
        (length * 2 + 15, "text that belongs to no event"),
        (length * 3 + 19, "the event breaks off at the end of the file"),
    ]
    assert sum(isinstance(item, RawRecord) for item in items) == 3


def test_an_endless_event_is_one_report_and_the_next_is_read() -> None:
    data = b"<Event>" + b"x" * (50 * 1024 * 1024) + b"</Event>" + event(1).encode()
    long, last = _items(data)
    assert isinstance(long, Damage)
    assert (long.offset, long.reason) == (0, "the event is longer than 16 MiB")
    assert isinstance(last, RawRecord)


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ("<![CDATA[x]]>", "the event's XML holds '<!'"),
        ("<!-- x -->", "the event's XML holds '<!'"),
        ("&secret;", "broken XML: undefined entity"),
        ("<Data>", "broken XML: mismatched tag"),
    ],
)
def test_what_no_event_log_writes_is_refused(inside: str, reason: str) -> None:
    with pytest.raises(ShapeError, match=re.escape(reason)):
        windows_xml.event(event(1, inside=inside).encode())


def test_a_document_type_is_not_read(lines: Callable[[bytes], Reading]) -> None:
    bomb = '<!DOCTYPE e [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + event(1, "&b;") + event(2)
    reading = lines(f"<?xml version='1.0'?><Events>{bomb}</Events>".encode())
    assert [event["EventRecordID"] for event in reading.events()] == ["2"]
    declared, used = (item.reason for item in reading.rejected)
    assert declared == "text that belongs to no event"
    assert used.startswith("broken XML: undefined entity")


@pytest.mark.parametrize("wrong", [b"\xff", b"\x01", b"&#x1;", b"&#0;"])
def test_a_character_that_xml_forbids_lets_no_event_escape(wrong: bytes) -> None:
    found = windows_xml.event(event(1).encode().replace(b"whoami", b"who" + wrong + b"ami"))
    assert found.repaired
    assert found.fields["CommandLine"] == "who\ufffdami"


@pytest.mark.parametrize(
    "data", [b"<Event>" * 300_000, b"<Events>" * 300_000, b"<" * 3_000_000, b"<Event>" + b"</Event " * 300_000]
)
def test_hostile_exports_cost_no_more_than_their_size(data: bytes) -> None:
    """If each tag were looked for to the end, these would take hours: the suite would not end."""
    assert len(_items(data)) <= 300_001


def test_elements_in_elements_a_hundred_thousand_deep_are_one_event() -> None:
    deep = "<a>" * 100_000 + "</a>" * 100_000
    assert windows_xml.event(event(7, inside=deep).encode()).fields["EventRecordID"] == "7"
