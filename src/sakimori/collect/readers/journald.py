"""The systemd journal as JSON lines (``journalctl -o json``)."""

from sakimori.collect import json_records
from sakimori.collect.readers import lines
from sakimori.collect.readers.lines import record_at, records
from sakimori.collect.shapes import Shaped

__all__ = ["NAME", "event", "recognises", "record_at", "records"]

NAME = "journald"


def recognises(head: bytes) -> bool:
    """The first line is an object with the journal's own time."""
    first = head.removeprefix(lines.BOM).lstrip(b" \t\r\n\0").partition(b"\n")[0]
    return first.startswith(b"{") and b'"__REALTIME_TIMESTAMP"' in first


def event(raw: bytes) -> Shaped:
    """Not ``json_records.event`` itself, because of such records keywords are searched for in their JSON alone, and the
    journal writes text with a single odd byte as an array of numbers: that would hide it."""
    return json_records.event(raw)
