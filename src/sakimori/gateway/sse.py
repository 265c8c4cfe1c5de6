"""Server-sent events (WHATWG HTML Standard, section 9.2.6): bytes in, events out, and back. Pure.

Data stays bytes: whether it is UTF-8, and JSON at that, is for the JSON parser to judge, so that a character that two
chunks share is never looked at in halves.
"""

import re
from typing import NamedTuple

import orjson

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONGEST_EVENT = 32 * 2**20


class Event(NamedTuple):
    name: str
    """The ``event`` field; empty where there is none."""
    data: bytes
    """The ``data`` fields, joined by line feeds."""


class EventTooLong(ValueError):
    """One event is longer than the decoder may hold."""


class Decoder:
    """Decodes one stream. Chunks may be cut anywhere; what stands after the last blank line is no event yet."""

    def __init__(self, *, longest: int = _LONGEST_EVENT) -> None:
        """``longest``: bytes of one event that are held at most."""
        self._longest = longest
        self._line: list[bytes] = []
        """The line that has no end yet, in pieces: a long one is not copied for each chunk."""
        self._name = ""
        self._data: list[bytes] = []
        self._held = 0
        self._after_return = False
        self._is_first_line = True

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that this chunk completes.

        Raises:
            EventTooLong: an event goes beyond ``longest`` bytes.
        """
        if not chunk:
            return []
        if self._after_return and chunk[0] == 0x0A:
            chunk = chunk[1:]
        self._after_return = chunk[-1:] == b"\r"
        *ended, rest = _LINE_END.split(chunk)
        events: list[Event] = []
        for line in ended:
            self._hold(line)
            whole = b"".join(self._line)
            self._line.clear()
            event = self._take(whole)
            if event is not None:
                events.append(event)
        self._hold(rest)
        return events

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held > self._longest:
            raise EventTooLong(f"an event is longer than {self._longest} bytes")
        if piece:
            self._line.append(piece)

    def _take(self, line: bytes) -> Event | None:
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            event = Event(self._name, b"\n".join(self._data)) if self._data else None
            self._name, self._data, self._held = "", [], 0
            return event
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        else:  # a comment, ``id``, ``retry`` or an unknown field: nothing that is held
            self._held -= len(line)
        return None


def encode(data: object, name: str = "") -> bytes:
    """One event with JSON as its data; ``name`` is a word of the protocol, without line ends."""
    head = f"event: {name}\n".encode() if name else b""
    return b"%sdata: %s\n\n" % (head, orjson.dumps(data))
