"""JSON documents: objects one after another, an array of them, or the envelopes that services put around both.

See ``readers.envelope`` for those. Offset: the byte where the record's own object begins. Raw record: its own bytes,
white space and all. A document is read in one pass, held only as far as its largest record, however long it is.
"""

import re
from collections.abc import Callable, Collection, Iterator
from typing import BinaryIO

import orjson

from sakimori.collect.json_records import event
from sakimori.collect.readers import Damage, Note, RawRecord, among, first
from sakimori.collect.readers.envelope import LONGEST_HEAD, Head, answer, envelope, next_array
from sakimori.collect.readers.json_value import Broken, end_of_value
from sakimori.collect.readers.lines import BOM
from sakimori.collect.readers.window import Window

__all__ = ["NAME", "enveloped", "event", "record_at", "records", "records_at"]

NAME = "json"

_EXCERPT = 4096
_LONGEST_QUICK = 64 * 1024
_SEPARATORS = b" \t\r\n,"

_SPACE = re.compile(rb"\s*+")
_BETWEEN = re.compile(rb"[\s,]*+")
_BEGINNING = re.compile(rb'\{\s{0,64}"(?:[^"\\\n]|\\.){0,128}+"\s{0,8}:')
_LONGEST_BEGINNING = 512


def enveloped(head: bytes) -> bool:
    """Whether a source that begins with these bytes begins with an envelope."""
    text = head.removeprefix(BOM).lstrip()
    return bool(envelope(text, 0) or answer(text, 0))


def records(file: BinaryIO, size: int) -> Iterator[RawRecord | Damage | Note]:
    return _Document(Window(file, size)).items()


def record_at(file: BinaryIO, size: int, offset: int) -> bytes:
    return first(records_at(file, size, (offset,)))


def records_at(file: BinaryIO, size: int, offsets: Collection[int]) -> Iterator[RawRecord]:
    """Reads from the beginning: whether an object is a record or lies within one, only what is before it can tell."""
    return among(records(file, size), offsets)


_Head = Callable[[bytes, int], Head | None]


class _Document:
    def __init__(self, window: Window) -> None:
        self._window = window
        self._beginning = b""
        """How records of this document begin, up to their first member's colon. In valid JSON no text within a string
        can look like it, as its quotes would be escaped."""
        self._resumed = False
        """Whether damage was passed over to come here."""
        self._in_vain = 0
        """Bytes that were looked at in vain and not read since."""

    def items(self) -> Iterator[RawRecord | Damage | Note]:
        window = self._window
        window.more()
        if window.data.startswith(BOM):
            window.at = len(BOM)
        while byte := self._next(_BETWEEN):
            if byte == b"[":
                window.at += 1
                yield from self._array()
                if self._next(_SPACE) == b"]":
                    window.at += 1
                else:
                    yield Note("the document breaks off before its array ends")
            else:
                yield from self._record_or_envelope(byte, envelope, answer)

    def _array(self) -> Iterator[RawRecord | Damage | Note]:
        while (byte := self._next(_BETWEEN)) not in (b"]", b""):
            yield from self._record_or_envelope(byte, envelope)

    def _record_or_envelope(self, byte: bytes, *kinds: "_Head") -> Iterator[RawRecord | Damage | Note]:
        head = self._opened(*kinds) if byte == b"{" else None
        if head is None:
            yield from self._record()
            return
        yield from self._records_of_envelope()
        while self._next(_SPACE) == b"]":
            self._window.at += 1
            if not self._opened(next_array):
                for _ in range(head.depth):
                    yield from self._rest_of_object()
                return
            yield from self._records_of_envelope()
        yield Note("the document breaks off before its array of records ends")

    def _records_of_envelope(self) -> Iterator[RawRecord | Damage]:
        while self._next(_BETWEEN) not in (b"]", b""):
            if self._resumed and self._opened(envelope):
                continue  # what follows damage may be the next envelope
            self._resumed = False
            yield from self._record()

    def _rest_of_object(self) -> Iterator[RawRecord | Damage]:
        try:
            self._window.at += self._end_of_value(inside=True)
        except Broken as broken:
            yield from self._recovered(broken)

    def _opened(self, *kinds: "_Head") -> Head | None:
        """Go to the first record of the envelope that begins here, if one does."""
        window = self._window
        while window.held < 2 * LONGEST_HEAD and window.more():
            pass
        for head in kinds:
            if found := head(window.data, window.at):
                window.at = found.end
                return found
        return None

    def _next(self, passed: re.Pattern[bytes]) -> bytes:
        """Pass over what may stand between values. The byte that follows; none at the end of the source."""
        window = self._window
        while True:
            if found := passed.match(window.data, window.at):
                window.at = found.end()
            if window.held or not window.more():
                return window.data[window.at : window.at + 1]

    def _record(self) -> Iterator[RawRecord | Damage]:
        if record := self._quick_record():
            yield record
            return
        window = self._window
        try:
            length = self._end_of_value()
        except Broken as broken:
            yield from self._recovered(broken)
            return
        if not (self._beginning and window.data.startswith(self._beginning, window.at)):
            self._learn()
        self._in_vain -= length
        end = window.at + length
        yield RawRecord(window.offset(window.at), window.data[window.at : end])
        window.at = end

    def _quick_record(self) -> RawRecord | None:
        """The record that begins here, where the next one shows that it ends before that: four times as fast.

        What is whole JSON up to there ends there and nowhere else. Looking in vain may cost as much as the document.
        """
        window = self._window
        if not self._beginning or not window.data.startswith(self._beginning, window.at) or self._in_vain > 0:
            return None
        behind = window.data.find(self._beginning, window.at + 1, window.at + _LONGEST_QUICK)
        raw = window.data[window.at : behind].rstrip(_SEPARATORS) if behind > 0 else b""
        try:
            if raw:
                orjson.loads(raw)
        except orjson.JSONDecodeError:
            raw = b""
        if not raw:
            self._in_vain += _LONGEST_QUICK
            return None
        record = RawRecord(window.offset(window.at), raw)
        window.at += len(raw)
        return record

    def _learn(self) -> None:
        if found := _BEGINNING.match(self._window.data, self._window.at):
            self._beginning = found[0]

    def _recovered(self, broken: Broken) -> Iterator[RawRecord | Damage]:
        """Report what is broken, and go on with the records that were taken for parts of it, or else behind it."""
        window, start = self._window, self._window.at
        damages = [
            Damage(window.offset(place), str(broken), window.data[place : place + _EXCERPT])
            for place in (start, start + broken.unclosed)[: 2 if broken.unclosed else 1]
        ]
        siblings = [
            RawRecord(window.offset(start + begin), window.data[start + begin : start + end])
            for begin, end in broken.siblings
        ]
        # A string that lost its quote ends at the first one of the record behind it.
        overlap = self._beginning.find(b'"') + 1
        window.at = start + max(broken.done, broken.end - overlap)
        self._go_to_sibling()
        self._resumed = True
        behind = window.offset(window.at)
        yield _up_to(siblings[0].offset if siblings else behind, damages[0])
        yield from siblings
        for damage in damages[1:]:
            yield _up_to(behind, damage)

    def _go_to_sibling(self) -> None:
        """The next object at the margin, or that begins as records of this document do."""
        window = self._window
        sibling = re.compile(rb"(?<=\n)\{|" + (re.escape(self._beginning) or rb'\{\s{0,64}"'))
        while not (found := sibling.search(window.data, window.at)):
            window.at = max(window.at, len(window.data) - _LONGEST_BEGINNING)
            if not window.more():
                window.at = len(window.data)
                return
        window.at = found.start()

    def _end_of_value(self, *, inside: bool = False) -> int:
        if not self._beginning:
            self._learn()
        return end_of_value(self._window, beginning=self._beginning, inside=inside)


def _up_to(offset: int, damage: Damage) -> Damage:
    return damage._replace(excerpt=damage.excerpt[: offset - damage.offset])
