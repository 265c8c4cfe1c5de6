"""Windows events exported as XML: ``wevtutil qe /f:xml``, Event Viewer's "Save as XML", Get-WinEvent's ``ToXml()``.

``<Event>`` elements one after another, with or without ``<Events>`` around them. In XML a ``<`` stands neither in text
nor in attributes, so the tags bound the elements whatever these hold. Offset: the byte where the element begins. Raw
record: the element's own bytes.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from sakimori.collect.event_xml import record_of
from sakimori.collect.readers import MAX_RECORD, Damage, Note, RawRecord
from sakimori.collect.readers.window import Window
from sakimori.collect.shapes import Shaped, evtx_json

__all__ = ["NAME", "event", "recognises", "record_at", "records"]

NAME = "windows-xml"

_START = re.compile(rb"<(?:\w{1,32}:)?Event(?=[\s>/])")
_EDGE = re.compile(rb"(</(?:\w{1,32}:)?Event\s{0,32}>)|<(?:\w{1,32}:)?Event(?=[\s>/])")
_LONGEST_TAG = 512
"""Bytes of a tag that the end of what is held may cut."""
_FRAME = rb"(?:\s++|\xef\xbb\xbf|<\?[^>]{0,256}>|</?(?:\w{1,32}:)?Events(?:\s[^>]{0,256})?>)*+"
_AROUND = re.compile(_FRAME)
_BEGINNING = re.compile(rb"(?:\s++|\xef\xbb\xbf|<\?[^>]{0,256}>)*+<(?:\w{1,32}:)?Events?[\s>]")


def recognises(head: bytes) -> bool:
    return _BEGINNING.match(head) is not None


def event(raw: bytes) -> Shaped:
    """Raises ShapeError where the element is no event."""
    try:
        text, whole = raw.decode(), True
    except UnicodeDecodeError:
        text, whole = raw.decode("utf-8", "replace"), False
    record, repaired = record_of(text)
    return evtx_json.shaped(record)._replace(repaired=repaired or not whole)


def records(file: BinaryIO, size: int) -> Iterator[RawRecord | Damage | Note]:
    window = Window(file, size)
    window.more()
    reported = False
    while True:
        yield from _up_to_start(window, reported=reported)
        if not window.held:
            return
        found = _element(window)
        reported = isinstance(found, Damage)  # what follows an event that is too long is the rest of it
        yield found


def record_at(file: BinaryIO, size: int, offset: int) -> bytes:
    window = Window(file, size, offset)
    window.more()
    if not _START.match(window.data):
        raise LookupError
    match _element(window):
        case RawRecord(_, raw):
            return raw
        case Damage():
            raise LookupError


def _up_to_start(window: Window, *, reported: bool) -> Iterator[Damage]:
    """Go to where the next element begins. One report for what lies before it and is none of the document's frame."""
    while True:
        start = _START.search(window.data, window.at)
        end = start.start() if start else len(window.data)
        if frame := _AROUND.match(window.data, window.at, end):
            window.at = frame.end()
        if not start and end - window.at <= _LONGEST_TAG and window.more():
            continue
        end = start.start() if start else len(window.data)
        if window.at < end and not reported:
            reported = True
            yield _damage(window, "text that belongs to no event", end)
        if start:
            window.at = end
            return
        window.at = max(window.at, end - _LONGEST_TAG)
        if not window.more():
            window.at = len(window.data)
            return


def _element(window: Window) -> RawRecord | Damage:
    """The element that begins at the window's place, which moves behind it."""
    looked_at = 1
    while not (edge := _EDGE.search(window.data, window.at + looked_at)):
        looked_at = max(1, window.held - _LONGEST_TAG)
        if window.held > MAX_RECORD:
            return _passed(window, f"the event is longer than {MAX_RECORD >> 20} MiB", len(window.data))
        if not window.more():
            return _passed(window, "the event breaks off at the end of the file", len(window.data))
    if not edge[1]:
        return _passed(window, "the event breaks off where the next one begins", edge.start())
    if edge.end() - window.at > MAX_RECORD:
        return _passed(window, f"the event is longer than {MAX_RECORD >> 20} MiB", edge.end())
    found = RawRecord(window.offset(window.at), window.data[window.at : edge.end()])
    window.at = edge.end()
    return found


def _passed(window: Window, reason: str, end: int) -> Damage:
    damage = _damage(window, reason, end)
    window.at = end
    return damage


def _damage(window: Window, reason: str, end: int) -> Damage:
    return Damage(window.offset(window.at), reason, window.data[window.at : min(end, window.at + 4096)])
