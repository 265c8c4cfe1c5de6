"""The systemd journal: the same events as from syslog, with the journal's own fields beside them."""

import orjson
import pytest

from sakimori.collect.formats import reader_for
from sakimori.collect.json_records import event, shaped
from sakimori.collect.shapes import Fields

_SSHD: Fields = {
    "__REALTIME_TIMESTAMP": "1423944916375353",
    "_HOSTNAME": "web1",
    "_SYSTEMD_UNIT": "ssh.service",
    "SYSLOG_IDENTIFIER": "sshd",
    "SYSLOG_FACILITY": "4",
    "_PID": "7",
    "MESSAGE": "Accepted password for alice from 10.0.0.1 port 5 ssh2",
}


def test_messages_are_taken_apart_as_in_syslog() -> None:
    kind, time, fields, _ = shaped(dict(_SSHD))
    assert (kind, time) == (("linux", "sshd", ""), 1_423_944_916_375_353_000)
    added = {"hostname": "web1", "program": "sshd", "pid": "7", "message": _SSHD["MESSAGE"]}
    found = {"action": "Accepted", "method": "password", "user": "alice", "src_ip": "10.0.0.1", "src_port": "5"}
    assert fields == {**_SSHD, **added, **found}


def test_text_as_an_array_of_bytes_is_text() -> None:
    record = {**_SSHD, "MESSAGE": list("侵入\x07".encode()), "TWICE": ["a", [98, 255]], "LONG": None}
    _, _, fields, repaired = shaped(record)
    assert (fields["message"], fields["TWICE"], fields["LONG"], repaired) == ("侵入\x07", ["a", "b\ufffd"], None, False)


def test_a_byte_that_is_no_text_is_told() -> None:
    assert shaped({**_SSHD, "MESSAGE": [255]}).repaired


def test_audit_records_and_sysmon_are_what_they_are() -> None:
    audit = {**_SSHD, "_TRANSPORT": "audit", "_AUDIT_ID": "42", "_SOURCE_REALTIME_TIMESTAMP": "1700000000123000"}
    kind, time, fields, _ = shaped({**audit, "MESSAGE": 'EXECVE argc=1 a0="id"'})
    assert (kind, time) == (("linux", "auditd", "EXECVE"), 1_700_000_000_123_000_000)
    assert fields == {"node": "web1", "argc": "1", "a0": "id", "type": "EXECVE"}
    event = "<Event><System><EventID>3</EventID><Channel>Linux-Sysmon/Operational</Channel></System></Event>"
    assert shaped({**_SSHD, "MESSAGE": event}).kind == ("linux", "Linux-Sysmon/Operational", "3")


@pytest.mark.parametrize("time", [None, "x", "9" * 30, 5, ["1"], ""])
def test_without_a_time_it_is_still_an_event(time: object) -> None:
    assert shaped({"__REALTIME_TIMESTAMP": time}) == (
        ("linux", "syslog", ""),
        None,
        {"__REALTIME_TIMESTAMP": time, "program": ""},
        False,
    )


def test_told_by_content_and_read_with_all_fields() -> None:
    raw = orjson.dumps(_SSHD)
    assert reader_for(raw + b"\n" + raw).NAME == "ndjson"
    assert event(raw) == shaped(dict(_SSHD))
