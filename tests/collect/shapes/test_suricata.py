"""Suricata's EVE JSON: samples after its user guide, shortened."""

from typing import Any

import pytest

from sakimori.collect.shapes import suricata

FLOW = {
    "timestamp": "2017-04-07T22:24:37.251547+0100",
    "flow_id": 586497171462735,
    "src_ip": "192.168.2.14",
    "src_port": 50096,
    "dest_ip": "209.53.113.5",
    "dest_port": 80,
    "proto": "TCP",
}
ALERT = {
    **FLOW,
    "event_type": "alert",
    "host": "sensor-1",
    "alert": {"signature_id": 2001999, "signature": "ET MALWARE", "severity": 1, "metadata": {"tag": ["C2"]}},
}


def test_an_event_has_its_type_as_channel_dotted_names_and_its_own_zone() -> None:
    found = suricata.shaped(dict(ALERT))
    assert found.kind == ("suricata", "alert", "")
    assert found.time == 1491600277251547000
    assert found.fields["alert.signature"] == "ET MALWARE"
    assert found.fields["alert.metadata.tag"] == ["C2"]


def test_the_sensor_is_no_host_that_the_event_is_about() -> None:
    fields = suricata.shaped(dict(ALERT)).fields
    assert "host" not in fields
    assert fields["sensor"] == "sensor-1"


@pytest.mark.parametrize(
    "dns",
    [
        {"type": "query", "rrname": "a.example", "rrtype": "TXT"},
        {"version": 3, "queries": [{"rrname": "a.example", "rrtype": "TXT"}], "answers": [{"rdata": "x"}]},
        {"query": [{"rrname": "a.example", "rrtype": "TXT"}]},
    ],
)
def test_the_name_asked_for_has_one_name_in_all_versions(dns: dict[str, Any]) -> None:
    fields = suricata.shaped({**FLOW, "event_type": "dns", "dns": dns}).fields
    assert fields["dns.rrname"] in ("a.example", ["a.example"])
    assert fields["dns.rrtype"] in ("TXT", ["TXT"])


@pytest.mark.parametrize(
    ("record", "known"),
    [
        (ALERT, True),
        ({"timestamp": "x", "event_type": "stats", "stats": {"uptime": 1}}, True),
        ({"timestamp": "x", "event_type": "login", "user": "a"}, False),
        (FLOW, False),
    ],
)
def test_it_is_told_by_its_members(record: dict[str, Any], known: bool) -> None:
    assert suricata.recognises(record) is known
