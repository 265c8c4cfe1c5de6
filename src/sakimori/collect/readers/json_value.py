"""Where a JSON value ends (RFC 8259), told by strings and brackets alone: the rest is left to the record's parser."""

import re
from array import array

from sakimori.collect.readers import MAX_RECORD
from sakimori.collect.readers.window import Window

MAX_DEPTH = 4096
"""Brackets within brackets that are paired one by one; no parser takes a record as deep as that."""

STRING = rb'"(?:[^"\\\n]++|\\.)*+"'
"""A string; a line end in it is a lost quote, while other control characters are what careless loggers write."""
SCALAR = rb"(?:" + STRING + rb"|-?[0-9][0-9.eE+\-]*+|true|false|null)"

_SCALAR = re.compile(SCALAR)
_TOKENS = re.compile(rb"(?:" + STRING + rb"|[\s,:0-9eE+.\-]++|true|false|null)*+")
_CUT_STRING = re.compile(rb'"(?:[^"\\\n]++|\\.)*+\\?\Z')
_LONGEST_WORD = 5
_OPENING, _CLOSING = b"{[", b"}]"


class Broken(Exception):
    """A value that does not end as JSON must. Places count from where it begins."""

    def __init__(self, reason: str, end: int, siblings: list[tuple[int, int]], unclosed: int) -> None:
        super().__init__(reason)
        self.end = end
        """Up to here nothing more can be made of it."""
        self.siblings = siblings
        """Whole objects in it that begin as its document's records do: it lost a bracket, and they follow it."""
        self.unclosed = unclosed
        """Where behind those another begins that is not whole; 0: none does."""

    @property
    def done(self) -> int:
        """Behind what was found in it."""
        return self.unclosed + 1 if self.unclosed or not self.siblings else self.siblings[-1][1]


def end_of_value(window: Window, *, beginning: bytes, inside: bool) -> int:
    """The length of the value that begins where the window is; of more than ``MAX_RECORD`` bytes is none.

    ``beginning``: how records of the document begin. ``inside``: it is the rest of an object of which a part was read.

    Raises:
        Broken: it has no end.
    """
    if not inside and window.data[window.at] not in _OPENING:
        return _end_of_scalar(window)
    scan = _Scan(window, beginning, inside=inside)
    while scan.depth:
        scan.step()
    return scan.place


def _end_of_scalar(window: Window) -> int:
    while True:
        found = _SCALAR.match(window.data, window.at)
        end = found.end() - window.at if found else window.held
        if end == window.held <= MAX_RECORD and window.more():
            continue
        if found and end <= MAX_RECORD:
            return end
        raise Broken("broken JSON", end if found else 1, [], 0)


class _Scan:
    """Goes from bracket to bracket, and looks at each byte once, but for strings that the window's end cuts."""

    def __init__(self, window: Window, beginning: bytes, *, inside: bool) -> None:
        self.place = 0 if inside else 1
        self._window = window
        self._beginning = beginning
        self._stack = array("q", [-1 if inside else 0])
        """Where the brackets open; -1: before the window."""
        self._deeper = 0
        self._begins = array("q")
        self._ends = array("q")
        """Whole objects that begin as records do, the outermost only, in order."""

    @property
    def depth(self) -> int:
        return len(self._stack)

    def step(self) -> None:
        """To the next bracket and over it."""
        byte = self._bracket()
        if byte in _OPENING:
            if len(self._stack) < MAX_DEPTH:
                self._stack.append(self.place)
            else:
                self._deeper += 1
        elif self._deeper:
            self._deeper -= 1
        else:
            opened = self._stack.pop()
            data, at = self._window.data, self._window.at
            if byte != (_CLOSING[0] if opened < 0 else _CLOSING[_OPENING.index(data[at + opened])]):
                self._stack.append(opened)
                raise self._broken("broken JSON")
            if byte == _CLOSING[0] and opened > 0 and self._begins_record(opened):
                self._keep(opened, self.place + 1)
        self.place += 1

    def _bracket(self) -> int:
        window = self._window
        while True:
            if found := _TOKENS.match(window.data, window.at + self.place):
                self.place = found.end() - window.at
            if self.place > MAX_RECORD:
                raise self._broken(f"the object is larger than {MAX_RECORD >> 20} MiB")
            place = window.at + self.place
            left = len(window.data) - place
            if left < _LONGEST_WORD or _CUT_STRING.match(window.data, place):
                if left <= MAX_RECORD and window.more():
                    continue
                if left > MAX_RECORD:
                    raise self._broken(f"the object is larger than {MAX_RECORD >> 20} MiB")
                if not left:
                    raise self._broken("the JSON breaks off")
            byte = window.data[window.at + self.place]
            if byte in _OPENING or byte in _CLOSING:
                return byte
            raise self._broken("broken JSON")

    def _begins_record(self, place: int) -> bool:
        data, at = self._window.data, self._window.at + place
        return data[at - 1] == 0x0A or (bool(self._beginning) and data.startswith(self._beginning, at))

    def _keep(self, begin: int, end: int) -> None:
        while self._begins and self._begins[-1] > begin:
            self._begins.pop()
            self._ends.pop()
        self._begins.append(begin)
        self._ends.append(end)

    def _broken(self, reason: str) -> Broken:
        siblings = list(zip(self._begins, self._ends, strict=True))
        unclosed = 0
        if siblings:
            behind = (place for place in reversed(self._stack) if place > siblings[-1][1])
            unclosed = next((place for place in behind if self._begins_record(place)), 0)
        return Broken(reason, self.place, siblings, unclosed)
