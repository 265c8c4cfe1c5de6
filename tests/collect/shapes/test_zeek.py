"""Zeek's JSON logs: which log a record is of, and when it happened."""

from typing import Any

import pytest

from sakimori.collect.shapes import zeek

CONNECTION = {"uid": "C1", "id.orig_h": "10.0.0.5", "id.orig_p": 1, "id.resp_h": "10.0.0.9", "id.resp_p": 53}
AT = 1_300_475_167_096_535_000


@pytest.mark.parametrize(
    ("members", "channel"),
    [
        ({**CONNECTION, "_path": "smb_files", "action": "SMB::FILE_OPEN", "name": "atsvc"}, "smb_files"),
        ({**CONNECTION, "proto": "udp", "conn_state": "SF", "service": "dns"}, "conn"),
        ({**CONNECTION, "proto": "udp", "trans_id": 7, "rejected": False, "query": "a.example"}, "dns"),
        ({**CONNECTION, "request_type": "TGS", "cipher": "rc4-hmac"}, "kerberos"),
        ({**CONNECTION, "established": True, "resumed": False, "server_name": "a.example"}, "ssl"),
        ({**CONNECTION, "cookie": "mallory", "security_protocol": "HYBRID"}, "rdp"),
        ({"fuid": "F1", "seen_bytes": 1, "source": "HTTP"}, "files"),
        ({"note": "Scan::Port_Scan", "actions": ["Notice::ACTION_LOG"], "suppress_for": 3600.0}, "notice"),
        (CONNECTION, ""),
    ],
)
def test_a_record_tells_its_log_by_path_or_members(members: dict[str, Any], channel: str) -> None:
    record = {"ts": 1300475167.096535, **members}
    assert zeek.recognises(record)
    assert zeek.shaped(record).kind == ("zeek", channel, "")


@pytest.mark.parametrize("stamp", [1300475167.096535, "1300475167.096535", "2011-03-18T19:06:07.096535Z"])
def test_times_are_epoch_seconds_or_iso(stamp: object) -> None:
    assert zeek.shaped({"ts": stamp, "_path": "conn"}).time == AT


def test_an_identifier_given_as_an_object_has_zeeks_dotted_names() -> None:
    record = {"ts": 1.5, "uid": "C1", "id": {"orig_h": "10.0.0.5"}, "conn_state": "SF"}
    assert zeek.recognises(record)
    found = zeek.shaped(record)
    assert found.kind == ("zeek", "conn", "")
    assert found.fields["id.orig_h"] == "10.0.0.5"


@pytest.mark.parametrize("record", [{"ts": 1, "msg": "up"}, {"uid": "C1", "id.orig_h": "x"}, {"_path": "conn"}])
def test_other_json_is_not_taken(record: dict[str, Any]) -> None:
    assert not zeek.recognises(record)
