"""An ``<Event>`` element becomes the record that the ``evtx`` library would write, and nothing in it is expanded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.collect import event_xml
from sakimori.collect.shapes import ShapeError, evtx_json

_SYSTEM = "<System><EventID>1</EventID><Channel>c</Channel><TimeCreated SystemTime='2026-01-12T01:00:00.5Z'/></System>"


def test_system_and_named_and_unnamed_data() -> None:
    record, repaired = event_xml.record_of(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>"
        f"{_SYSTEM}<EventData><Data Name='Image'>防人 &amp; x</Data><Data>a</Data><Data/></EventData>"
        "<RenderingInfo><Message>not kept</Message></RenderingInfo></Event>"
    )
    assert not repaired
    shaped = evtx_json.shaped(record)
    assert shaped.kind == ("windows", "c", "1")
    assert shaped.time == 1_768_179_600_500_000_000
    assert shaped.fields == {"EventID": "1", "Channel": "c", "Image": "防人 & x", "Data": ["a", ""]}


def test_user_data_keep_attributes_and_repeated_elements() -> None:
    record, _ = event_xml.record_of(
        f"<Event>{_SYSTEM}<UserData><W xmlns='x'><A Name='n'>1</A><B>1</B><B>2</B></W></UserData></Event>"
    )
    fields = evtx_json.shaped(record).fields
    assert (fields["A"], fields["A_Name"], fields["B"]) == ("1", "n", ["1", "2"])


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "b">]><Event>&a;</Event>',
        "<Event><![CDATA[x]]></Event>",
        "<Event><System></Event>",
        "<Other/>",
        "<Event>&nothing;</Event>",
        "",
    ],
)
def test_what_is_no_plain_event_is_refused(text: str) -> None:
    with pytest.raises(ShapeError):
        event_xml.record_of(text)


@given(st.text(st.characters(exclude_characters="<&>\r", codec=None), max_size=8))
def test_no_character_of_a_command_line_hides_an_event(command: str) -> None:
    """Control characters and half surrogates, which XML cannot hold, are replaced; all others stay."""
    record, _ = event_xml.record_of(f"<Event><EventData><Data Name='C'>{command}</Data></EventData></Event>")
    read = record["Event"]["EventData"]["C"]
    assert len(read) == len(command)
    assert all(now in (was, "\ufffd") for now, was in zip(read, command, strict=True))


def test_forbidden_character_references_are_replaced() -> None:
    record, repaired = event_xml.record_of(
        "<Event><EventData><Data Name='C'>&#x1;&#27;&#x41;</Data></EventData></Event>"
    )
    assert repaired
    assert record["Event"]["EventData"]["C"] == "\ufffd\ufffdA"


def test_deep_elements_cost_no_recursion() -> None:
    deep = "<a>" * 50_000 + "x" + "</a>" * 50_000
    record, _ = event_xml.record_of(f"<Event>{_SYSTEM}<UserData>{deep}</UserData></Event>")
    assert evtx_json.shaped(record).kind == ("windows", "c", "1")
