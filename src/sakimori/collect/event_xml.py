"""A Windows ``<Event>`` element as text: read into the record that ``shapes.evtx_json`` understands.

Sysmon for Linux writes the same element into syslog. XML 1.0; the element is
https://learn.microsoft.com/windows/win32/wes/eventschema-eventtype-complextype.
"""

import re
from typing import Any
from xml.etree import ElementTree

from sakimori.collect.shapes import Fields, ShapeError

_DEEPEST = 16
"""Levels of user data that are kept apart; what lies deeper is one text."""
_NO_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:x0{0,8}([0-9A-Fa-f]{1,6})|0{0,8}([0-9]{1,7}));")


def record_of(text: str) -> tuple[Fields, bool]:
    """The record ``{"Event": …}``, and whether characters that XML cannot hold had to be replaced by U+FFFD.

    Windows and Sysmon write control characters of a command line as they are, and one of them must not let an event
    escape detection. A document type, and so entities, CDATA and comments are refused: event logs have none.

    Raises:
        ShapeError: no well-formed XML, or no ``Event``.
    """
    if "<!" in text:
        raise ShapeError("the event's XML holds '<!', which no event log writes: a document type is never read")
    try:
        root, repaired = ElementTree.fromstring(text), False  # noqa: S314 - no document type, so no entities to expand
    except (ElementTree.ParseError, UnicodeEncodeError):
        try:
            root, repaired = ElementTree.fromstring(_scrubbed(text)), True  # noqa: S314 - as above
        except ElementTree.ParseError as error:
            raise ShapeError(f"broken XML: {error}") from error
    if _local(root.tag) != "Event":
        raise ShapeError(f"an XML element <{_local(root.tag)[:40]}>, not <Event>")
    return {"Event": _members(root)}, repaired


def _members(event: ElementTree.Element) -> Fields:
    members: Fields = {}
    for part in event:
        name = _local(part.tag)
        if name == "EventData":
            members[name] = _event_data(part)
        elif name in ("System", "UserData"):
            members[name] = _content(part, 0)
    return members


def _event_data(element: ElementTree.Element) -> Fields:
    """``<Data Name="x">`` under its name; data without a name together as ``Data``. Many of one name are an array."""
    data: Fields = {}
    unnamed: list[str] = []
    for part in element:
        name, text = _local(part.tag), part.text or ""
        if name == "Data" and part.get("Name"):
            name = part.attrib["Name"]
        if name == "Data":
            unnamed.append(text)
        else:
            _add(data, name, text)
    if unnamed:
        data["Data"] = unnamed[0] if len(unnamed) == 1 else unnamed
    return data


def _content(element: ElementTree.Element, depth: int) -> Any:
    """Text, or an object of the parts with the attributes beside them, as the ``evtx`` library writes it."""
    attributes: Fields = {_local(name): value for name, value in element.attrib.items()}
    if not len(element) or depth == _DEEPEST:
        text = element.text if not len(element) else "".join(element.itertext())
        if not attributes:
            return text
        return {"#attributes": attributes} if text is None else {"#attributes": attributes, "#text": text}
    members: Fields = {"#attributes": attributes} if attributes else {}
    for part in element:
        _add(members, _local(part.tag), _content(part, depth + 1))
    return members


def _add(members: Fields, name: str, value: Any) -> None:
    """Several parts of one name become an array."""
    if name not in members:
        members[name] = value
    elif members[name].__class__ is list:
        members[name].append(value)
    else:
        members[name] = [members[name], value]


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _scrubbed(text: str) -> str:
    return _NO_CHARACTER.sub("\ufffd", _REFERENCE.sub(_reference, text))


def _reference(match: re.Match[str]) -> str:
    code = int(match[1], 16) if match[1] else int(match[2])
    allowed = code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code <= 0x10FFFF
    return match[0] if allowed else "\ufffd"
