"""Payment messages of SWIFT (MT): who pays, who is paid and where they live; and the terminals in the headers.

SWIFT Standards MT, category 1 and 2: fields 50, 51, 52 to 58 and 59 hold, after an account and without labels, up to
four lines of 35 characters: a name and an address. Block 1 and 2 hold a BIC with the letter of a terminal in it.
"""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_PARTY = Gate(r"(?:^|\n):5[0-9][afkdb]?:(?:/{1,2}[^\n]{1,38}\n)?")
_LINE = re.compile(r"(?!:[0-9]{2}[a-z]?:|-\}|/)[^\n{}]{2,40}")
_NUMBERED = re.compile(r"[1-8]/")
"""Option F: 1 is the name, 2 and 3 the address, 4 to 8 births and documents."""
_BIC = re.compile(r"[a-z]{6}[a-z0-9]{2}(?:[a-z0-9]{3})?[ \r]*$")
_TERMINAL = Gate(r"\{1:[af][0-9]{2}([a-z]{6}[a-z0-9]{6})[0-9]{10}\}|\{2:i[0-9]{3}([a-z]{6}[a-z0-9]{6})[a-z]")
_TERMINAL_OUT = Gate(r"\{2:o[0-9]{3}[0-9]{10}([a-z]{6}[a-z0-9]{6})[0-9]")
_REFERENCE = Gate(r"\n:2[01]:([^\n{}]{4,16})(?=\n|$)")
"""Of the sender and of what a message answers."""
_LINES = 4


def detect_swift(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for pattern in (_TERMINAL, _TERMINAL_OUT):
        for match in pattern.finditer(text):
            group = match.lastindex or 0
            yield Hit(match.start(group), match.end(group), Kind.BIC, "swift", match[group])
    for match in _REFERENCE.finditer(text):
        if any(map(str.isdigit, match[1])):
            yield Hit(*match.span(1), Kind.CUSTOMER, "swift", match[1])
    for match in _PARTY.finditer(text):
        position = match.end()
        for number in range(_LINES):
            line = _LINE.match(text, position)
            if line is None:
                numbered = _NUMBERED.match(text, position)
                line = re.compile(r"[^\n{}]{3,40}").match(text, position) if numbered else None
            if line is None:
                break
            if not _BIC.match(line[0]):
                kind = Kind.NAME if number == 0 else Kind.ADDRESS
                yield Hit(*line.span(), kind, "swift", line[0].rstrip())
            position = line.end() + 1
