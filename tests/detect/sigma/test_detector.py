"""From rules to findings: log sources, field mapping, evidence, entities, hostile input."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sakimori.detect import SigmaDetector
from sakimori.records import EntityType, EventBatch, Finding, Severity

Make = Callable[..., EventBatch]
SYSMON = "Microsoft-Windows-Sysmon/Operational"


@pytest.fixture
def detect(tmp_path: Path, batch: Make) -> Callable[..., list[Finding]]:
    def run(rule: str, events: Sequence[dict[str, Any]], **more: Any) -> list[Finding]:
        path = tmp_path / "rule.yml"
        path.write_text(rule, "utf-8")
        detector = SigmaDetector.load([path])
        assert not detector.errors
        return detector.detect(batch(events, **more))

    return run


PROCESS = """\
title: Shell from Word
id: 00000000-0000-4000-8000-000000000009
status: test
level: critical
tags: [attack.execution, attack.lateral_movement, attack.t1059.001, attack.T1021, attack.g0016, cve.2021-44228]
logsource: {product: windows, category: process_creation}
detection:
  s:
    Image|endswith: '\\cmd.exe'
    ParentImage|endswith: '\\winword.exe'
  f:
    CommandLine: null
  condition: s and not f
"""


def test_a_finding_says_what_the_rule_says_and_what_matched(detect: Callable[..., list[Finding]]) -> None:
    event = {
        "EventID": 1,
        "Computer": "WS01.bank.example",
        "Image": r"C:\cmd.exe",
        "ParentImage": r"C:\WINWORD.EXE",
        "CommandLine": "cmd /c x",
        "User": r"BANK\Taro",
        "Other": "not asked about",
    }
    (found,) = detect(PROCESS, [event], kind=("windows", SYSMON, "1"))
    assert (found.title, found.severity) == ("Shell from Word", Severity.CRITICAL)
    assert found.tactics == ("execution", "lateral-movement")
    assert found.techniques == ("T1059.001", "T1021")
    assert found.evidence[0].fields == {"Image": r"C:\cmd.exe", "ParentImage": r"C:\WINWORD.EXE"}
    assert [str(entity) for entity in found.entities] == ["host:ws01.bank.example", "user:taro"]
    assert found.tenant == "bank"
    assert found.source == "test.ndjson"


def test_audited_process_creation_answers_under_its_own_field_names(detect: Callable[..., list[Finding]]) -> None:
    event = {
        "EventID": 4688,
        "NewProcessName": r"C:\cmd.exe",
        "ParentProcessName": r"C:\winword.exe",
        "CommandLine": "cmd",
        "SubjectUserName": "taro",
    }
    (found,) = detect(PROCESS, [event], kind=("windows", "Security", "4688"))
    assert set(found.evidence[0].fields) == {"NewProcessName", "ParentProcessName"}


@pytest.mark.parametrize(
    ("logsource", "kind", "fits"),
    [
        ("{product: windows, category: process_creation}", ("windows", SYSMON, "1"), True),
        ("{product: windows, category: process_creation}", ("windows", SYSMON.upper(), "1"), True),
        ("{product: windows, category: process_creation}", ("windows", SYSMON, "5"), False),
        ("{product: windows, category: process_creation}", ("linux", SYSMON, "1"), False),
        ("{category: process_creation}", ("windows", SYSMON, "1"), True),
        ("{category: process_creation}", ("linux", "Linux-Sysmon/Operational", "1"), True),
        ("{product: windows, category: registry_event}", ("windows", SYSMON, "14"), True),
        ("{product: windows, category: registry_set}", ("windows", SYSMON, "12"), False),
        ("{product: windows, category: ps_script}", ("windows", "PowerShellCore/Operational", "4104"), True),
        ("{product: windows, service: security}", ("windows", "Security", "4625"), True),
        ("{product: windows, service: security}", ("windows", "System", "4625"), False),
        ("{product: windows, service: system}", ("windows", "SYSTEM", "7045"), True),
        ("{product: windows, service: sysmon, category: dns_query}", ("windows", SYSMON, "22"), True),
        ("{product: windows, service: sysmon, category: dns_query}", ("windows", SYSMON, "1"), False),
        ("{product: windows, service: security, category: dns_query}", ("windows", SYSMON, "22"), False),
        ("{product: windows}", ("windows", "Anything", "9"), True),
        ("{product: helpdesk}", ("helpdesk", "tickets", "password_reset"), True),
        ("{product: helpdesk, service: tickets}", ("helpdesk", "tickets", "other"), True),
        ("{product: helpdesk, category: password_reset}", ("helpdesk", "tickets", "password_reset"), True),
        ("{product: helpdesk, category: password_reset}", ("helpdesk", "tickets", "other"), False),
        ("{product: aws, service: cloudtrail}", ("aws", "cloudtrail", ""), True),
        ("{category: webserver}", ("apache", "webserver", ""), True),
        ("{category: webserver}", ("apache", "error", ""), False),
    ],
)
def test_log_sources(
    logsource: str, kind: tuple[str, str, str], fits: bool, detect: Callable[..., list[Finding]]
) -> None:
    rule = f"title: x\nlogsource: {logsource}\ndetection: {{s: {{A: 1}}, condition: s}}\n"
    assert bool(detect(rule, [{"A": 1}], kind=kind)) is fits


@pytest.mark.parametrize(
    ("question", "code", "holds"),
    [
        ("EventID: 4625", "4625", True),
        ("EventID: '4625'", "4625", True),
        ("EventID: [4624, 4625]", "4625", True),
        ("EventID: 4624", "4625", False),
        ("EventID: '46*'", "4625", True),
        ("EventID|gte: 4600", "4625", True),
        ("EventID: null", "4625", False),
        ("EventID|re: '^46'", "4625", True),
    ],
)
def test_the_event_id_is_answered_by_the_kind(
    question: str, code: str, holds: bool, detect: Callable[..., list[Finding]]
) -> None:
    source = "{product: windows, service: security}"
    rule = f"title: x\nlogsource: {source}\ndetection:\n  s:\n    {question}\n  condition: s\n"
    found = detect(rule, [{"EventID": int(code)}], kind=("windows", "Security", code))
    assert bool(found) is holds
    if holds:
        assert found[0].evidence[0].fields == {"EventID": code}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"TargetUserName": "taro", "SubjectUserName": "WS01$"}, ["taro"]),
        ({"TargetUserName": "SYSTEM", "User": r"NT AUTHORITY\LOCAL SERVICE"}, []),
        ({"User": r"BANK\Hanako", "TargetUserName": "hanako@bank.example"}, ["hanako"]),
        ({"User": "DWM-1", "SourceUser": r"Font Driver Host\UMFD-0", "TargetUserName": "ANONYMOUS LOGON"}, []),
        ({"User": "-", "SubjectUserName": "", "TargetUserName": None}, []),
        ({"User": "ｔａｒｏ"}, ["ｔａｒｏ"]),
    ],
)
def test_users(fields: dict[str, Any], expected: list[str], detect: Callable[..., list[Finding]]) -> None:
    rule = "title: x\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\n"
    (found,) = detect(rule, [{"A": 1, **fields}], kind=("test", "any", ""))
    assert [entity.value for entity in found.entities if entity.type is EntityType.USER] == expected


def test_addresses_of_nobody_are_no_entities(detect: Callable[..., list[Finding]]) -> None:
    rule = "title: x\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\n"
    event = {
        "A": 1,
        "SourceIp": "::ffff:10.0.0.5",
        "ClientAddress": "n/a",
        "DestinationIp": "127.0.0.1",
        "IpAddress": "-",
        "SourceAddress": "::1",
    }
    (found,) = detect(rule, [event], kind=("test", "any", ""))
    assert [str(entity) for entity in found.entities] == ["ip:10.0.0.5"]


def test_a_group_that_gains_a_member_is_no_user(detect: Callable[..., list[Finding]]) -> None:
    rule = "title: x\nlogsource: {product: windows, service: security}\ndetection: {s: {EventID: 4732}, condition: s}\n"
    event = {"EventID": 4732, "TargetUserName": "Administrators", "SubjectUserName": "taro"}
    (found,) = detect(rule, [event], kind=("windows", "Security", "4732"))
    assert [str(entity) for entity in found.entities] == ["user:taro"]


@pytest.mark.parametrize("count", [1, 40, 3000])
def test_values_of_a_megabyte_and_many_values(count: int, detect: Callable[..., list[Finding]]) -> None:
    rule = "title: x\nlogsource: {product: test}\ndetection: {s: {A|endswith: needle}, condition: s}\n"
    events = [{"A": "x" * (1_000_000 // count) + str(number)} for number in range(count)]
    events[-1]["A"] += "NEEDLE"
    (found,) = detect(rule, events, kind=("test", "any", ""))
    assert found.evidence[0].fields["A"].endswith("NEEDLE")


def test_a_rule_of_many_and_long_values(detect: Callable[..., list[Finding]]) -> None:
    values = "\n".join(f"      - 'value {number:06}'" for number in range(100_000))
    long = "y" * 20_000
    rule = (
        "title: x\nlogsource: {product: test}\ndetection:\n"
        f"  s:\n    A|contains:\n{values}\n      - '{long}'\n  condition: s\n"
    )
    events = [{"A": "a VALUE 099999 b"}, {"A": "value 100000"}, {"A": f"x{long.upper()}x"}]
    found = detect(rule, events, kind=("test", "any", ""))
    assert len(found) == 2


def test_an_empty_batch_and_a_batch_without_fields(batch: Make, tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text("title: x\nlogsource: {product: test}\ndetection: {s: {A: null}, condition: s}\n", "utf-8")
    detector = SigmaDetector.load([path])
    assert detector.detect(batch([])) == []
    assert len(detector.detect(batch([{}, {}]))) == 2


def test_scanning_twice_gives_the_same_ids(batch: Make, tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text("title: x\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\n", "utf-8")
    events = [{"A": 1}, {"A": 1}]
    first = [found.id for found in SigmaDetector.load([path]).detect(batch(events))]
    assert first == [found.id for found in SigmaDetector.load([path]).detect(batch(events))]
    assert len(set(first)) == 2
