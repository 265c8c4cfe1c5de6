"""What CEF and LEEF have in common: lines with a header of cells between pipes, bare or behind a syslog header."""

import re
from functools import lru_cache
from typing import NamedTuple

from sakimori.collect.readers import lines
from sakimori.collect.shapes import Fields, ShapeError
from sakimori.collect.times import time_of
from sakimori.core import Nanos

_LONGEST_SYSLOG_HEADER = 1024
_LOOKED_AT = 20
"""Lines of a source's beginning: the first may be cut or a greeting."""


class Piped(NamedTuple):
    syslog: str
    """What stands before the format's name; its host is the relay's, which is no host that an event is about."""
    version: str
    cells: list[str]
    """Those of the header, escapes and all."""
    rest: str
    """What stands behind the last pipe of the header."""
    repaired: bool
    """Whether some bytes were no UTF-8; U+FFFD stands in their place."""


def piped(raw: bytes, name: str, cells: int) -> Piped:
    """A line of the format ``name`` with so many cells behind its version, the last one ended by a pipe or the line.

    Raises:
        ShapeError: it is none.
    """
    text = raw.decode("utf-8", "replace")
    begin = _begin(name).search(text[:_LONGEST_SYSLOG_HEADER])
    header = _cells(cells).match(text, begin.end()) if begin else None
    if begin is None or header is None:
        raise ShapeError(f"no {name} header of {cells + 1} cells in the line")
    repaired = "\ufffd" in text and b"\xef\xbf\xbd" not in raw
    return Piped(text[: begin.start()].strip(), begin[1], list(header.groups()), text[header.end() :], repaired)


def recognises(head: bytes, name: str, cells: int) -> bool:
    """Whether one of the first lines is of the format."""
    for line in head.removeprefix(lines.BOM).splitlines()[:_LOOKED_AT]:
        if line.startswith((b"{", b"[")):  # JSON that quotes such a line
            return False
        try:
            piped(line, name, cells)
        except ShapeError:
            continue
        return True
    return False


def kind(vendor: str, product: str) -> tuple[str, str, str]:
    """Product and channel of a device's events: vendor and product in lower case, all but letters and digits as ``_``.

    ``Palo Alto Networks|PAN-OS`` is ``palo_alto_networks``, ``pan_os``.
    """
    return _name(vendor), _name(product), ""


def begin(line: Piped, names: tuple[str, ...], values: list[str]) -> Fields:
    """The fields of the header, and the syslog header where there is one."""
    fields: Fields = dict(zip(names, values, strict=True))
    if line.syslog:
        fields["syslog_header"] = line.syslog
    return fields


def syslog_time(line: Piped) -> Nanos | None:
    """The time in the syslog header where it says the year (RFC 5424; RFC 3164 has none)."""
    found = re.search(r"\d{4}-\d\d-\d\dT\S{8,24}", line.syslog)
    return time_of(found[0]) if found else None


@lru_cache
def _begin(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|(?<=[\s>:\]])){name}: ?([0-9](?:\.[0-9])?)\|")


@lru_cache
def _cells(count: int) -> re.Pattern[str]:
    cell = r"([^|\\]*(?:\\.[^|\\]*)*)"
    return re.compile(r"\|".join([cell] * count) + r"(?:\||\Z)", re.DOTALL)


@lru_cache(1024)
def _name(text: str) -> str:
    return "_".join("".join([letter if letter.isalnum() else " " for letter in text[:200].lower()]).split())
