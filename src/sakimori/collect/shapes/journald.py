"""The systemd journal as ``journalctl -o json`` writes it. Known by ``__REALTIME_TIMESTAMP``.

Format: systemd's "Journal JSON format" and systemd.journal-fields(7). Fields keep the journal's names; ``hostname``,
``program``, ``pid`` and ``message`` stand beside them, so that one rule fits the journal and syslog. The journal's
``_HOSTNAME`` is the origin's, also where systemd-journal-remote collected it.
"""

from typing import Any, cast

from sakimori.collect.shapes import Fields, Shaped
from sakimori.collect.syslog_message import Message, event_of
from sakimori.core import Nanos


def recognises(record: Fields) -> bool:
    return "__REALTIME_TIMESTAMP" in record


_OURS = {"_HOSTNAME": "hostname", "SYSLOG_IDENTIFIER": "program", "_PID": "pid", "MESSAGE": "message"}


def shaped(record: Fields) -> Shaped:
    texts = {name: _text(value) for name, value in record.items()}
    fields = {ours: texts[theirs] for theirs, ours in _OURS.items() if texts.get(theirs) is not None}
    fields.setdefault("program", texts.get("_COMM") or "")
    program, text = fields["program"], fields.get("message")
    program, text = (value if isinstance(value, str) else "" for value in (program, text))
    facility = texts.get("SYSLOG_FACILITY")
    number = int(facility) if isinstance(facility, str) and facility.isdecimal() and len(facility) < 4 else None
    time = _time(texts.get("__REALTIME_TIMESTAMP"))
    if texts.get("_TRANSPORT") == "audit":
        text = _audit_line(texts, text)
    found = event_of(Message({**texts, **fields}, number, time, program, text))
    damaged = any(value.__class__ is str and "\ufffd" in value for value in texts.values())
    return found._replace(repaired=True) if damaged else found


def _text(value: Any) -> Any:
    """A field's value: text; bytes as an array of numbers where they are no printable UTF-8; null where it is too long;
    an array of those where a field stands more than once."""
    if value.__class__ is not list:
        return value
    plain = _bytes(value)
    return [_bytes(item) for item in cast("list[Any]", value)] if plain is value else plain


def _bytes(value: Any) -> Any:
    if value.__class__ is list and value and all(item.__class__ is int and 0 <= item < 256 for item in value):
        return bytes(cast("list[int]", value)).decode("utf-8", "replace")
    return value


def _time(value: object) -> Nanos | None:
    """Microseconds since the epoch, as text."""
    if not isinstance(value, str) or not value.isdecimal() or len(value) > 16:
        return None
    time = int(value) * 1000
    return time if time < 2**63 else None


def _audit_line(texts: Fields, text: str) -> str:
    """What auditd would have written of a record that the journal got from the kernel: MESSAGE is its type and text."""
    kind, _, rest = text.partition(" ")
    time = _time(texts.get("_SOURCE_REALTIME_TIMESTAMP")) or _time(texts.get("__REALTIME_TIMESTAMP")) or 0
    serial = texts.get("_AUDIT_ID")
    return f"type={kind} msg=audit({time // 10**9}.{time // 10**6 % 1000:03}:{serial}): {rest}"
