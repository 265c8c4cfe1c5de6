"""Syslog as files hold it: RFC 5424, RFC 3164, and rsyslog's lines with ISO times; with or without ``<PRI>``.

One message per line; see ``collect.syslog_message`` for what becomes of it. ``hostname`` is the host that the message
comes from, not the one that passed it on: relays keep the field, syslog-ng appends its own name behind ``/``, AIX
writes ``Message forwarded from``.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from sakimori.collect.readers import Damage, Note, RawRecord, lines
from sakimori.collect.shapes import Fields, Shaped, ShapeError
from sakimori.collect.syslog_message import Message, event_of
from sakimori.collect.times import time_of
from sakimori.core import Nanos, rfc3339

_FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp"),
    *("security", "console", "solaris-cron", *(f"local{number}" for number in range(8))),
)
_SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_DAY = 86_400 * 1_000_000_000

_PRI = r"(?:<(?P<pri>\d{1,3})>)"
_ISO = r"(?P<iso>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)"
_RFC_5424 = re.compile(
    rf"{_PRI}1 (?:-|{_ISO}) (?P<host>\S{{1,255}}) (?P<program>\S{{1,48}}) (?P<pid>\S{{1,128}}) (?P<msgid>\S{{1,32}}) "
    r"(?=-|\[)"
)
_RFC_3164 = re.compile(
    rf"{_PRI}?(?:{_ISO}|(?P<month>{'|'.join(_MONTHS)}) {{1,2}}(?P<day>\d{{1,2}}) (?:(?P<year>\d{{4}}) )?"
    r"(?P<time>\d\d:\d\d:\d\d(?:\.\d{1,9})?)) "
)
_TAG = re.compile(r"(?P<program>[^\s:\[\]]{1,128})(?:\[(?P<pid>[^\]\s]{1,64})\])?:(?: |$)")
_FORWARDED = re.compile(r"Message forwarded from (\S{1,255}): ")
_ELEMENT = re.compile(r'\[([^ =\]"]{1,32})')
_PARAMETER = re.compile(r' ([^ =\]"]{1,32})="((?:[^"\\\]]|\\.)*)"', re.DOTALL)
_LINES_LOOKED_AT = 8


class Syslog:
    """The reader. RFC 3164 has no year and no zone: the time is taken as UTC, and the year is the one that makes it the
    newest time that is at most a day later than when the log was last written."""

    NAME = "syslog"
    record_at = staticmethod(lines.record_at)

    def __init__(self, written: Nanos | None = None) -> None:
        """``written``: when the log was; None: nobody knows, and a time without a year is none."""
        self._written = written

    def recognises(self, head: bytes) -> bool:
        """Most of the first lines are messages: other logs with a time at their beginning have no tag."""
        text = head.removeprefix(lines.BOM).decode("utf-8", "replace")
        first = [line for line in text[: 64 * 1024].splitlines() if line.strip(" \t\0")][:_LINES_LOOKED_AT]
        return 2 * sum(map(_is_message, first)) > len(first)

    def records(self, file: BinaryIO, size: int) -> Iterator[RawRecord | Damage | Note]:
        return lines.records(file, size)

    def event(self, raw: bytes) -> Shaped:
        try:
            text, repaired = raw.decode(), False
        except UnicodeDecodeError:
            text, repaired = raw.decode("utf-8", "replace"), True
        found = event_of(self._message(text))
        return found._replace(repaired=True) if repaired else found

    def _message(self, text: str) -> Message:
        if match := _RFC_5424.match(text):
            return _rfc_5424(match, text)
        if match := _RFC_3164.match(text):
            time = time_of(match["iso"]) if match["iso"] else self._time(match)
            return _rfc_3164(match, text, time)
        raise ShapeError("no syslog message: a line begins with <PRI>, a time and a host")

    def _time(self, match: re.Match[str]) -> Nanos | None:
        day = f"{_MONTHS[match['month']]:02}-{int(match['day']):02}T{match['time']}"
        if match["year"]:
            return time_of(f"{match['year']}-{day}")
        if self._written is None:
            return None
        latest = self._written + _DAY
        year = int(rfc3339(latest)[:4])
        # 29 February may be four years back, eight around a year like 2100.
        for back in range(9):
            time = time_of(f"{year - back:04}-{day}")
            if time is not None and time <= latest:
                return time
        return None


def _is_message(line: str) -> bool:
    if _RFC_5424.match(line):
        return True
    match = _RFC_3164.match(line)
    if match is None:
        return False
    _, _, rest = line[match.end() :].partition(" ")
    return bool(match["pri"] or _TAG.match(rest) or _TAG.match(line, match.end()))


def _rfc_5424(match: re.Match[str], text: str) -> Message:
    fields, facility = _priority(match["pri"])
    place = match.end()
    if text.startswith("-", place):
        place += 1
    else:
        place = _structured_data(text, place, fields)
    for name, group in (("hostname", "host"), ("program", "program"), ("pid", "pid"), ("msgid", "msgid")):
        if match[group] != "-":
            fields[name] = _origin(match[group]) if name == "hostname" else match[group]
    program = _program(match["program"])
    fields["message"] = message = text[place:].removeprefix(" ").removeprefix("\ufeff")
    return Message(fields, facility, time_of(match["iso"]) if match["iso"] else None, program, message)


def _structured_data(text: str, place: int, fields: Fields) -> int:
    """Add each parameter as ``ID.NAME``; returns where the elements end (RFC 5424, 6.3). Of two the first stands."""
    while element := _ELEMENT.match(text, place):
        inner = element.end()
        while parameter := _PARAMETER.match(text, inner):
            value = re.sub(r'\\(["\\\]])', r"\1", parameter[2])
            fields.setdefault(f"{element[1]}.{parameter[1]}", value)
            inner = parameter.end()
        if not text.startswith("]", inner):
            return place  # no structured data after all: it stays in the message
        place = inner + 1
    return place


def _rfc_3164(match: re.Match[str], text: str, time: Nanos | None) -> Message:
    fields, facility = _priority(match["pri"])
    place = match.end()
    tag = _TAG.match(text, place)
    if tag is None:  # otherwise the program wrote no host
        host, _, _ = text[place : place + 256].partition(" ")
        fields["hostname"] = _origin(host)
        place = min(len(text), place + len(host) + 1)
        if forwarded := _FORWARDED.match(text, place):
            fields["hostname"] = forwarded[1]
            place = forwarded.end()
        tag = _TAG.match(text, place)
    program = ""
    if tag:
        place = tag.end()
        program = _program(tag["program"])
        fields["program"] = program
        if tag["pid"]:
            fields["pid"] = tag["pid"]
    fields["message"] = message = text[place:].lstrip(" ")
    return Message(fields, facility, time, program, message)


def _priority(pri: str | None) -> tuple[Fields, int | None]:
    number = int(pri) if pri else 192
    if number >= 192:
        return {}, None
    return {"facility": _FACILITIES[number >> 3], "severity": _SEVERITIES[number & 7]}, number >> 3


def _origin(host: str) -> str:
    return host.partition("/")[0].rpartition("@")[2]


def _program(tag: str) -> str:
    """``/usr/sbin/cron`` and ``su(pam_unix)`` by their plain names."""
    return tag.rpartition("/")[2].partition("(")[0] or tag
