"""Suricata's EVE JSON. Known by ``event_type`` and ``timestamp`` beside a member that only EVE has.

Format: the Suricata user guide, "EVE JSON Format". Channel: the event type (``alert``, ``dns``, ``http``, ``tls``, …).
Fields: nested members under dotted names (``alert.signature``, ``dns.rrname``), as Sigma rules for Suricata ask.
"""

from sakimori.collect.shapes import Fields, Shaped, text_of
from sakimori.collect.shapes.nested import flattened
from sakimori.collect.times import time_of

_OWN = ("flow_id", "pcap_cnt", "in_iface", "dest_ip", "stats", "engine")


def recognises(record: Fields) -> bool:
    return "event_type" in record and "timestamp" in record and any(name in record for name in _OWN)


def shaped(record: Fields) -> Shaped:
    channel = text_of(record["event_type"])
    fields = flattened(record)
    for name in ("rrname", "rrtype"):
        # Version 3 of DNS records (Suricata 8), and alerts, hold the questions in an array.
        if f"dns.{name}" not in fields:
            for asked in ("dns.queries", "dns.query"):
                if f"{asked}.{name}" in fields:
                    fields[f"dns.{name}"] = fields[f"{asked}.{name}"]
    sensor = fields.pop("host", None)  # sensor-name of the configuration: no host that an event is about
    if sensor is not None:
        fields["sensor"] = sensor
    return Shaped(("suricata", channel, ""), time_of(record["timestamp"]), fields)
