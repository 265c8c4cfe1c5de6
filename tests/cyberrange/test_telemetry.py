"""Field sets as real collectors deliver them."""

import re
from collections import Counter
from typing import Any

import pytest
from tests.cyberrange.conftest import Day

ENVELOPE = {
    "@timestamp",
    "Hostname",
    "Channel",
    "SourceName",
    "ProviderGuid",
    "EventID",
    "Version",
    "Task",
    "RecordNumber",
}
PROCESS = {"RuleName", "UtcTime", "ProcessGuid", "ProcessId", "Image", "User"}
FIELDS = {
    ("sysmon", 1): PROCESS
    | {"FileVersion", "Description", "Product", "Company", "OriginalFileName", "CommandLine", "CurrentDirectory"}
    | {"LogonGuid", "LogonId", "TerminalSessionId", "IntegrityLevel", "Hashes"}
    | {"ParentProcessGuid", "ParentProcessId", "ParentImage", "ParentCommandLine", "ParentUser"},
    ("sysmon", 3): PROCESS
    | {"Protocol", "Initiated", "SourceIsIpv6", "SourceIp", "SourceHostname", "SourcePort", "SourcePortName"}
    | {"DestinationIsIpv6", "DestinationIp", "DestinationHostname", "DestinationPort", "DestinationPortName"},
    ("sysmon", 10): {"RuleName", "UtcTime", "SourceProcessGUID", "SourceProcessId", "SourceThreadId", "SourceImage"}
    | {"TargetProcessGUID", "TargetProcessId", "TargetImage", "GrantedAccess", "CallTrace", "SourceUser", "TargetUser"},
    ("sysmon", 11): PROCESS | {"TargetFilename", "CreationUtcTime"},
    ("sysmon", 13): PROCESS | {"EventType", "TargetObject", "Details"},
    ("sysmon", 17): PROCESS | {"EventType", "PipeName"},
    ("sysmon", 18): PROCESS | {"EventType", "PipeName"},
    ("sysmon", 22): PROCESS | {"QueryName", "QueryStatus", "QueryResults"},
    ("security", 4624): {"SubjectUserSid", "SubjectUserName", "SubjectDomainName", "SubjectLogonId", "TargetUserSid"}
    | {"TargetUserName", "TargetDomainName", "TargetLogonId", "LogonType", "LogonProcessName", "LogonGuid", "KeyLength"}
    | {"AuthenticationPackageName", "WorkstationName", "TransmittedServices", "LmPackageName", "ProcessId"}
    | {"ProcessName", "IpAddress", "IpPort", "ImpersonationLevel", "RestrictedAdminMode", "TargetOutboundUserName"}
    | {"TargetOutboundDomainName", "VirtualAccount", "TargetLinkedLogonId", "ElevatedToken"},
    ("security", 4625): {"TargetUserName", "Status", "SubStatus", "FailureReason", "LogonType", "IpAddress"},
    ("security", 4648): {"SubjectUserName", "TargetUserName", "TargetServerName", "ProcessName", "IpAddress"},
    ("security", 4672): {"SubjectUserName", "SubjectLogonId", "PrivilegeList"},
    ("security", 4724): {"TargetUserName", "TargetSid", "SubjectUserName"},
    ("security", 4738): {"TargetUserName", "SubjectUserName", "PasswordLastSet", "SamAccountName"},
    ("security", 4768): {"TargetUserName", "ServiceName", "TicketEncryptionType", "Status", "PreAuthType", "IpAddress"},
    ("security", 4769): {
        "TargetUserName",
        "ServiceName",
        "TicketEncryptionType",
        "TicketOptions",
        "Status",
        "IpAddress",
    },
    ("security", 4776): {"PackageName", "TargetUserName", "Workstation", "Status"},
    ("security", 5145): {"SubjectUserName", "IpAddress", "ShareName", "RelativeTargetName", "AccessMask", "ObjectType"},
    ("security", 1102): {"SubjectUserName", "SubjectDomainName", "SubjectLogonId"},
    ("system", 7045): {"ServiceName", "ImagePath", "ServiceType", "StartType", "AccountName"},
    ("system", 104): {"SubjectUserName", "BackupPath"},
}


@pytest.fixture(scope="session")
def by_kind(attacked: Day) -> dict[tuple[str, int], list[dict[str, Any]]]:
    kinds: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for log in ("sysmon", "security", "system"):
        for record in attacked.records(log):
            kinds.setdefault((log, record["EventID"]), []).append(record)
    return kinds


@pytest.mark.parametrize(("log", "event_id"), FIELDS)
def test_every_event_has_its_whole_field_set(
    by_kind: dict[tuple[str, int], list[dict[str, Any]]], log: str, event_id: int
) -> None:
    records = by_kind[log, event_id]
    for record in records:
        assert set(record) >= FIELDS[log, event_id] | ENVELOPE, record
        assert all(isinstance(record[name], str) for name in FIELDS[log, event_id]), record


def test_no_kind_of_event_is_left_unchecked(by_kind: dict[tuple[str, int], list[dict[str, Any]]]) -> None:
    assert set(by_kind) == set(FIELDS)


def test_processes_name_parents_that_were_seen_before(attacked: Day) -> None:
    """Process trees can be followed: a parent is either itself in the log or one that ran since boot."""
    seen: set[str] = set()
    roots: Counter[str] = Counter()
    for record in attacked.records("sysmon"):
        if record["EventID"] == 1:
            if record["ParentProcessGuid"] not in seen:
                roots[record["ParentImage"].rsplit("\\", 1)[-1].lower()] += 1
            seen.add(record["ProcessGuid"])
    assert set(roots) <= {"wininit.exe", "services.exe", "lsass.exe", "svchost.exe", "msmpeng.exe"}


def test_process_ids_and_hashes_look_like_sysmons(attacked: Day) -> None:
    guids: Counter[str] = Counter()
    for record in attacked.records("sysmon"):
        if record["EventID"] == 1:
            guids[record["ProcessGuid"]] += 1
            assert re.fullmatch(r"\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}", record["ProcessGuid"])
            assert re.fullmatch(r"MD5=[0-9A-F]{32},SHA256=[0-9A-F]{64},IMPHASH=[0-9A-F]{32}", record["Hashes"])
            assert record["CommandLine"].strip('"').startswith(record["Image"])
    assert max(guids.values()) == 1


def test_record_numbers_of_a_channel_rise_by_one(attacked: Day) -> None:
    numbers: dict[tuple[str, str], list[int]] = {}
    for log in ("sysmon", "security", "system"):
        for record in attacked.records(log):
            numbers.setdefault((record["Hostname"], record["Channel"]), []).append(record["RecordNumber"])
    for found in numbers.values():
        assert sorted(found) == list(range(min(found), max(found) + 1))


def test_tickets_name_people_in_kanji_and_accounts_in_romaji(attacked: Day) -> None:
    tickets = attacked.records("helpdesk")
    assert {"password_reset"} < {ticket["type"] for ticket in tickets}
    for ticket in tickets:
        assert ticket["log"] == "helpdesk"
        assert re.search(r"[\u4e00-\u9fff]", ticket["requester"])
        assert re.fullmatch(r"[a-z]\.[a-z]+\d*", ticket["account"])
    numbers = [ticket["ticket"] for ticket in tickets]
    assert len(set(numbers)) == len(numbers)


def test_the_call_is_followed_by_the_reset_on_a_domain_controller(attacked: Day) -> None:
    call = next(step for step in attacked.truth["steps"] if step["technique"] == "T1566.004")
    ticket = next(t for t in attacked.records("helpdesk") if t["@timestamp"] == call["time"])
    assert (ticket["contact"], ticket["account"]) == ("voice", call["account"])
    resets = [r for r in attacked.records("security") if r["EventID"] in (4724, 4738)]
    after = [r for r in resets if r["TargetUserName"] == call["account"] and r["@timestamp"] >= call["time"]]
    assert [r["EventID"] for r in after[:2]] == [4724, 4738]
    assert after[0]["Hostname"].startswith("DC0")


def test_background_holds_odd_but_harmless_things(quiet: Day) -> None:
    """Without them, false positives could not happen and figures would flatter."""
    commands = [r.get("CommandLine", "") for r in quiet.records("sysmon")]
    assert any("-EncodedCommand" in command for command in commands)
    assert any(t["type"] == "password_reset" and t["contact"] == "voice" for t in quiet.records("helpdesk"))
    security = quiet.records("security")
    assert any(r["EventID"] == 4625 for r in security)
    assert any(r["EventID"] == 4624 and r["LogonType"] == "10" for r in security)
