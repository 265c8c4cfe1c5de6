r"""ArcSight's Common Event Format, versions 0 and 1: one record per line, bare or behind a syslog header.

Format: "ArcSight Common Event Format (CEF) Implementation Standard": ``CEF:version|vendor|product|version|event class
id|name|severity|extension``, the extension ``key=value`` with spaces in values; ``\|``, ``\=``, ``\\``, ``\n`` and
``\r`` are escapes. Fields: the header under ArcSight's names, the extension under its own keys. A custom value has the
name that its label gives (``cs1=x cs1Label=Rule Name`` is ``Rule Name``).

Offset: the byte where the line begins. Raw record: the line.
"""

import re

from sakimori.collect.date_patterns import NAMED_MONTH, first_time
from sakimori.collect.readers import piped
from sakimori.collect.readers.lines import record_at, records
from sakimori.collect.shapes import Fields, Numbers, Shaped, put
from sakimori.collect.times import SECONDS, epoch_time, zone_of
from sakimori.core import Nanos

__all__ = ["NAME", "event", "recognises", "record_at", "records"]

NAME = "cef"
_CELLS = ("deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId", "name", "severity")
_TIMES = ("rt", "end", "start")
_KEY = re.compile(r"(?:^|(?<=\s))([\w.\-\[\]:]+)=")
_ESCAPE = re.compile(r"\\([nr=|\\])")
_MEANING = {"n": "\n", "r": "\r"}
_LONGEST_LABEL = 100


def recognises(head: bytes) -> bool:
    return piped.recognises(head, "CEF", len(_CELLS))


def event(raw: bytes) -> Shaped:
    line = piped.piped(raw, "CEF", len(_CELLS))
    header = [_unescaped(cell) for cell in line.cells]
    fields = piped.begin(line, _CELLS, header)
    extension = _extension(line.rest)
    time = _time(extension)
    labels = _labels(extension)
    hidden = {*labels, *(f"{key}Label" for key in labels)}
    last: Numbers = {}
    for key, value in extension.items():
        if key not in hidden:
            put(fields, last, key, value)
    for key, label in labels.items():  # last, so that no label takes a key's own name
        put(fields, last, label, extension[key])
    return Shaped(piped.kind(header[0], header[1]), time or piped.syslog_time(line), fields, line.repaired)


def _extension(text: str) -> Fields:
    """A key that is given twice keeps its first value; the others are numbered."""
    pairs: Fields = {}
    last: Numbers = {}
    keys = list(_KEY.finditer(text))
    ends = [*(key.start() for key in keys[1:]), len(text)]
    for key, end in zip(keys, ends, strict=False):  # without keys there is one end too many
        value = text[key.end() : end]
        put(pairs, last, key[1], _unescaped(value.rstrip(" \t")))
    lead = text[: keys[0].start()] if keys else text
    if lead.strip():
        put(pairs, last, "extension", lead.strip())  # no key: kept as it stands
    return pairs


def _labels(pairs: Fields) -> dict[str, str]:
    """Key of a custom value → the name that its label gives."""
    return {key: label for key in pairs if 0 < len(label := pairs.get(f"{key}Label", "")) <= _LONGEST_LABEL}


def _time(pairs: Fields) -> Nanos | None:
    zone = zone_of(pairs["dtz"]) if 0 < len(pairs.get("dtz", "")) <= _LONGEST_LABEL else None
    for key in _TIMES:
        said = pairs.get(key)
        if said and (time := clock_time(said) or first_time(NAMED_MONTH, said, zone)) is not None:
            return time
    return None


_LAST_SECOND = 10**11
"""A number below is seconds (until the year 5138), above milliseconds (since March 1973): some devices send seconds."""


def clock_time(text: str) -> Nanos | None:
    """Milliseconds since 1970, or seconds."""
    time = epoch_time(text, SECONDS // 1000)
    return epoch_time(text) if time is not None and abs(time) < _LAST_SECOND * SECONDS // 1000 else time


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: _MEANING.get(match[1], match[1]), text) if "\\" in text else text
