"""A message to syslog or the journal as an event: what its program says in it, and the Sigma service it is of."""

from typing import NamedTuple

from sakimori.collect import audit_event, event_xml
from sakimori.collect.audit_record import HEADER
from sakimori.collect.shapes import Fields, Shaped, evtx_json
from sakimori.collect.unix_messages import channel_of, fields_of
from sakimori.core import Nanos


class Message(NamedTuple):
    fields: Fields
    """``hostname``, ``program``, ``pid``, ``message`` and what else its envelope says."""
    facility: int | None
    """As a number (RFC 5424, table 1)."""
    time: Nanos | None
    program: str
    text: str


def event_of(message: Message) -> Shaped:
    """A record of auditd and an event of Sysmon for Linux become just that, with fields and times of their own.

    Raises:
        ShapeError: Sysmon's XML is broken.
    """
    if message.text.startswith(("<Event>", "<Event ")):
        found = _sysmon(message.text)
        return found if found.time is not None else found._replace(time=message.time)
    record = message.text.replace("\n", " ").encode("utf-8", "replace")
    if HEADER.match(record):
        found = audit_event.event(record)
        return found._replace(fields={"node": message.fields.get("hostname"), **found.fields})
    fields = {**message.fields, **fields_of(message.program, message.text)}
    return Shaped(("linux", channel_of(message.program, message.facility), ""), message.time, fields)


def _sysmon(text: str) -> Shaped:
    """Windows' field names, but Sigma's product is ``linux``."""
    record, repaired = event_xml.record_of(text.rstrip())
    (_, channel, code), time, fields, _ = evtx_json.shaped(record)
    return Shaped(("linux", channel, code), time, fields, repaired)
