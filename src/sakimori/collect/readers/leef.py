r"""IBM's Log Event Extended Format, 1.0 and 2.0: one record per line, bare or behind a syslog header.

Format: "QRadar Log Event Extended Format (LEEF)": ``LEEF:1.0|vendor|product|version|event id|attributes``, with tabs
between the attributes ``key=value``; 2.0 has one more cell that names another delimiter, as a character or its
hexadecimal code (``^``, ``x5E``, ``0x5E``). ``devTime`` says when, after the pattern in ``devTimeFormat`` if any.

Offset: the byte where the line begins. Raw record: the line.
"""

import re

from sakimori.collect.date_patterns import NAMED_MONTH, first_time, time_by
from sakimori.collect.readers import piped
from sakimori.collect.readers.cef import clock_time
from sakimori.collect.readers.lines import record_at, records
from sakimori.collect.shapes import Fields, Numbers, Shaped, put
from sakimori.core import Nanos

__all__ = ["NAME", "event", "recognises", "record_at", "records"]

NAME = "leef"
_CELLS = ("Vendor", "Product", "Version", "EventID")
_DELIMITER = re.compile(r"(?:0?x([0-9A-Fa-f]{1,4})|([^|]?))\|")


def recognises(head: bytes) -> bool:
    return piped.recognises(head, "LEEF", len(_CELLS))


def event(raw: bytes) -> Shaped:
    line = piped.piped(raw, "LEEF", len(_CELLS))
    fields = piped.begin(line, _CELLS, line.cells)
    delimiter, attributes = _split(line)
    last: Numbers = {}
    name = "attributes"
    for part in attributes.split(delimiter):
        key, equals, value = part.partition("=")
        if equals and key.strip():
            name = key.strip()
            put(fields, last, name, value)
        elif part.strip():
            put(fields, last, name, part)  # a delimiter within a value, or no name at all: kept, numbered
    return Shaped(
        piped.kind(line.cells[0], line.cells[1]), _time(fields) or piped.syslog_time(line), fields, line.repaired
    )


def _split(line: piped.Piped) -> tuple[str, str]:
    """The delimiter, and the attributes."""
    found = _DELIMITER.match(line.rest) if line.version != "1.0" else None
    if found is None:
        return "\t", line.rest
    return chr(int(found[1], 16)) if found[1] else found[2] or "\t", line.rest[found.end() :]


def _time(fields: Fields) -> Nanos | None:
    said, pattern = fields.get("devTime"), fields.get("devTimeFormat")
    if not said:
        return None
    by_pattern = time_by(pattern, said) if pattern else None
    return by_pattern or clock_time(said) or first_time(NAMED_MONTH, said)
