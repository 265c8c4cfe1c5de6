"""``sakimori rules``: what a person who keeps rules can ask of them."""

import json
import os
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from sakimori.cli import cli
from sakimori.core import ExitCode, InputError

RULE = """\
title: Shadow copies deleted
id: 00000000-0000-4000-8000-000000000001
status: stable
level: high
tags: [attack.impact, attack.t1490]
logsource: {product: windows, category: process_creation}
detection:
  selection_img:
    Image|endswith: ['\\vssadmin.exe', '\\wmic.exe']
  selection_cmd:
    CommandLine|contains: shadow
  filter_admin:
    User|expand: '%admins%'
  condition: all of selection_* and not 1 of filter_*
"""
PLAIN = RULE.replace("    User|expand: '%admins%'\n", "    User: backup\n")
EVENT = {
    "@timestamp": "2026-11-22T01:02:03Z",
    "Hostname": "ws-01",
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "EventID": 1,
    "SourceName": "Microsoft-Windows-Sysmon",
    "Image": "C:\\Windows\\vssadmin.exe",
    "CommandLine": "vssadmin delete \x1b[31mshadows",
    "User": "mallory",
}


@pytest.fixture
def rules(home: Path, tmp_path: Path) -> Path:
    """A folder with one good rule."""
    assert home
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "shadow.yml").write_text(PLAIN, "utf-8")
    return folder


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """One event that matches, one that does not, and one of another log source."""
    other = EVENT | {"Image": "C:\\x\\calc.exe"}
    lines = [EVENT, other, EVENT | {"EventID": 3}]
    path = tmp_path / "sysmon.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["rules", *map(str, arguments)], standalone_mode=False)


def lines(result: Result) -> list[dict[str, object]]:
    assert result.exception is None, result.exception
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_check_is_silent_on_good_rules(rules: Path) -> None:
    result = run("check", rules)
    assert (result.return_value, result.stdout) == (ExitCode.OK, "")
    assert "1 rules can be used, 0 problems" in result.stderr


def test_check_names_file_and_line_of_each_problem_and_ends_in_1(rules: Path) -> None:
    (rules / "bad.yml").write_text(PLAIN.replace("contains", "contians").replace("0001", "0002"), "utf-8")
    (rules / "broken.yml").write_text("title: [\n", "utf-8")
    result = run("check", rules)
    assert result.return_value == ExitCode.FOUND
    first, second = result.stdout.splitlines()
    assert first == f"{rules}/bad.yml:11: unknown modifier 'contians' (did you mean 'contains'?)"
    assert second.startswith(f"{rules}/broken.yml:")


def test_check_says_which_rules_wait_for_values_and_how_to_give_them(rules: Path, tmp_path: Path) -> None:
    (rules / "shadow.yml").write_text(RULE, "utf-8")
    result = run("check", rules)
    assert result.return_value == ExitCode.OK
    assert result.stdout == f"{rules}/shadow.yml:1: does not run before %admins% has values\n"
    assert "1 of them do not run before their placeholders have values" in result.stderr
    assert "--placeholders FILE" in result.stderr
    template = result.stderr.partition("nobody:\n")[2]
    (tmp_path / "mine.yml").write_text(template.replace("value, …", "alice, 'adm_*'"), "utf-8")
    result = run("check", rules, "--placeholders", tmp_path / "mine.yml")
    assert (result.return_value, result.stdout) == (ExitCode.OK, "")
    assert "placeholders" not in result.stderr


def test_a_placeholder_file_that_makes_no_sense_is_named(rules: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text("admins: [{a: b}]", "utf-8")
    with pytest.raises(InputError, match=r"mine.yml: placeholder 'admins' has a value that is no text or number"):
        raise run("check", rules, "--placeholders", tmp_path / "mine.yml").exception or AssertionError


LOW = PLAIN.replace("0001", "0009").replace("high", "low").replace("stable", "experimental").replace("T1490", "T1486")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], 2),
        (["--min-level", "medium"], 1),
        (["--min-level", "low"], 2),
        (["--status", "stable"], 1),
        (["--status", "stable", "--status", "experimental"], 2),
        (["--status", "experimental", "--min-level", "low"], 1),
    ],
)
def test_rules_are_chosen_by_level_and_status(rules: Path, options: list[str], expected: int) -> None:
    (rules / "low.yml").write_text(LOW, "utf-8")
    assert len(lines(run("list", rules, "--format", "jsonl", *options))) == expected
    assert f"{expected} rules can be used" in run("check", rules, *options).stderr
    assert f"by {expected} of {expected} rules" in run("coverage", rules, *options).stdout


def test_a_rule_file_whose_name_is_no_utf8_is_listed(rules: Path) -> None:
    known = len(lines(run("list", rules, "--format", "jsonl")))
    text = "title: odd name\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\n"
    (rules / os.fsdecode(b"zz\xff.yml")).write_text(text, "utf-8")
    listed = lines(run("list", rules, "--format", "jsonl"))
    assert len(listed) == known + 1
    assert any(str(line["path"]).endswith("zz\\udcff.yml") for line in listed)


def test_a_choice_that_leaves_nothing_is_said(rules: Path) -> None:
    with pytest.raises(InputError, match="holds no rules of this level and status"):
        raise run("list", rules, "--min-level", "critical").exception or AssertionError


@pytest.mark.parametrize("command", ["check", "list", "coverage"])
def test_a_folder_without_rules_is_refused(command: str, home: Path, tmp_path: Path) -> None:
    assert home
    with pytest.raises(InputError, match="holds no rules"):
        raise run(command, tmp_path).exception or AssertionError


def test_list_gives_what_each_rule_needs(rules: Path) -> None:
    (rules / "shadow.yml").write_text(RULE, "utf-8")
    correlation = {
        "title": "Often",
        "id": "00000000-0000-4000-8000-000000000003",
        "correlation": {
            "type": "event_count",
            "rules": ["00000000-0000-4000-8000-000000000001"],
            "group-by": ["Computer"],
            "timespan": "1m",
            "condition": {"gte": 2},
        },
    }
    (rules / "often.yml").write_text(yaml.safe_dump(correlation), "utf-8")
    rule, often = lines(run("list", rules, "--format", "jsonl"))
    assert rule == {
        "id": "00000000-0000-4000-8000-000000000001",
        "title": "Shadow copies deleted",
        "type": "rule",
        "level": "high",
        "status": "stable",
        "logsources": [{"product": "windows", "category": "process_creation", "service": None}],
        "fields": ["CommandLine", "Image", "User"],
        "keywords": False,
        "placeholders": ["admins"],
        "tactics": ["impact"],
        "techniques": ["T1490"],
        "path": str(rules / "shadow.yml"),
        "line": 1,
    }
    assert often["type"] == "event_count"
    assert often["fields"] == ["CommandLine", "Computer", "Image", "User"]
    assert often["logsources"] == rule["logsources"]


def test_list_is_a_table_for_people_and_names_what_it_left_out(rules: Path) -> None:
    (rules / "broken.yml").write_text("title: [\n", "utf-8")
    result = run("list", rules)
    assert result.return_value == ExitCode.INPUT
    assert "Shadow copies deleted" in result.stdout
    assert "windows/process_creation/*" in result.stdout
    assert "T1490" in result.stdout
    assert "1 rules cannot be used" in result.stderr


def test_coverage_in_a_terminal_and_as_a_page_in_two_languages(rules: Path, tmp_path: Path) -> None:
    shown = run("coverage", rules)
    assert "Impact" in shown.stdout
    assert "T1490 1" in shown.stdout
    assert "1 techniques in 1 tactics by 1 of 1 rules" in shown.stdout
    page = tmp_path / "out" / "coverage.html"
    assert run("coverage", rules, "--out", page).return_value == ExitCode.OK
    text = page.read_text("utf-8")
    assert "T1490" in text
    assert "影響" in text


def _labelled(folder: Path, recording: Path, *, matches: int) -> None:
    folder.mkdir(parents=True)
    info = {
        "rule_metadata": [{"id": "00000000-0000-4000-8000-000000000001", "title": "Shadow copies deleted"}],
        "regression_tests_info": [
            {"type": "evtx", "path": f"regression_data/{recording.name}", "match_count": matches},
        ],
    }
    (folder / "info.yml").write_text(yaml.safe_dump(info), "utf-8")


def test_test_runs_recordings_that_lie_beside_the_rules(rules: Path, events: Path) -> None:
    data = rules / "regression_data"
    _labelled(data, events, matches=1)
    (data / events.name).write_bytes(events.read_bytes())
    result = run("test", rules)
    assert (result.return_value, result.stdout) == (ExitCode.OK, "1 of 1 recordings matched\n")


def test_test_names_what_failed_and_ends_in_1(rules: Path, events: Path, tmp_path: Path) -> None:
    _labelled(tmp_path / "data", events, matches=2)
    recording = tmp_path / "data" / events.name
    result = run("test", rules, "--data", tmp_path / "data")
    assert result.return_value == ExitCode.FOUND
    assert "failed: Shadow copies deleted" in result.stdout
    assert "of 2 events matched" not in result.stdout
    recording.write_bytes(events.read_bytes())
    result = run("test", rules, "--data", tmp_path / "data")
    assert f"1 of 2 events matched in {recording}" in result.stdout


def test_test_refuses_data_for_other_rules(rules: Path, events: Path, tmp_path: Path) -> None:
    _labelled(tmp_path / "data", events, matches=1)
    (rules / "shadow.yml").write_text(PLAIN.replace("0001", "0009"), "utf-8")
    error = run("test", rules, "--data", tmp_path / "data").exception
    assert isinstance(error, InputError)
    assert "none of the 1 recordings is for a rule in" in str(error)


def test_test_says_which_rules_wait_and_takes_values(rules: Path, events: Path, tmp_path: Path) -> None:
    (rules / "shadow.yml").write_text(RULE, "utf-8")
    _labelled(rules / "regression_data", events, matches=1)
    (rules / "regression_data" / events.name).write_bytes(events.read_bytes())
    result = run("test", rules)
    assert result.return_value == ExitCode.FOUND
    assert "does not run before %admins% has values (--placeholders FILE)" in result.stdout
    (tmp_path / "mine.yml").write_text("admins: backup", "utf-8")
    assert run("test", rules, "--placeholders", tmp_path / "mine.yml").return_value == ExitCode.OK
    with pytest.raises(InputError, match="that is asked for"):
        raise run("test", rules, "--min-level", "critical").exception or AssertionError


def test_try_takes_values_for_placeholders(rules: Path, events: Path, tmp_path: Path) -> None:
    (rules / "shadow.yml").write_text(RULE, "utf-8")
    (tmp_path / "mine.yml").write_text("admins: MALLORY", "utf-8")
    first, *_ = lines(run("try", rules / "shadow.yml", events, "--format", "jsonl"))
    assert (first["matched"], first["placeholders"]) == (False, ["admins"])
    values = ("--placeholders", tmp_path / "mine.yml")
    first, *_ = lines(run("try", rules / "shadow.yml", events, "--format", "jsonl", *values))
    assert (first["matched"], first["placeholders"]) == (False, [])
    assert "User is 'mallory'   saw mallory" in run("try", rules / "shadow.yml", events, *values).stdout


OFTEN = """\
title: Shadow copies deleted often
id: 00000000-0000-4000-8000-000000000003
correlation:
  type: event_count
  rules: [00000000-0000-4000-8000-000000000001]
  group-by: [Computer, User]
  timespan: 1h
  condition: {gte: 3}
"""


def test_try_tells_why_a_correlation_did_not_fire(rules: Path, tmp_path: Path) -> None:
    """Which rule brought how much, which group came nearest with what, and what events lacked."""
    often = tmp_path / "often.yml"
    often.write_text(OFTEN, "utf-8")
    nobody = {name: value for name, value in EVENT.items() if name != "User"}
    told = [EVENT, EVENT | {"@timestamp": "2026-11-22T01:30:00Z"}, nobody, EVENT | {"User": "eve\x1b[2J"}]
    path = tmp_path / "sysmon.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in told), "utf-8")
    (account,) = lines(run("try", often, path, "--rules", rules, "--format", "jsonl"))
    assert (account["asks"], account["timespan_seconds"], account["matched"]) == ("events ≥ 3", 3600, False)
    assert account["rules"] == [
        {
            "id": "00000000-0000-4000-8000-000000000001",
            "title": "Shadow copies deleted",
            "events_of_log_source": 4,
            "matched": 4,
            "took_part": 3,
            "lacking": {"lacks User": 1},
            "placeholders": [],
        }
    ]
    shown = run("try", often, path, "--rules", rules).stdout
    assert "✗ Shadow copies deleted often: does not fire" in shown
    assert "asks for: events ≥ 3, within 1 h, for each Computer, User" in shown
    assert "✗ Computer = ws-01, User = mallory: 2 (asked for ≥ 3)" in shown
    assert "1 took no part: each lacks User" in shown
    assert "\x1b" not in shown
    often.write_text(OFTEN.replace("gte: 3", "gte: 2"), "utf-8")
    assert "✓ Shadow copies deleted often: fires once" in run("try", often, path, "--rules", rules).stdout


def test_try_says_where_the_rules_of_a_correlation_are_missing(rules: Path, events: Path, tmp_path: Path) -> None:
    assert rules
    often = tmp_path / "often.yml"
    often.write_text(OFTEN, "utf-8")
    with pytest.raises(InputError, match="is not there: give its file or folder with --rules"):
        raise run("try", often, events).exception or AssertionError
    (tmp_path / "empty.ndjson").touch()
    with pytest.raises(InputError, match="no event was read"):
        raise run("try", often, tmp_path / "empty.ndjson", "--rules", rules).exception or AssertionError


def test_try_tells_condition_by_condition_why(rules: Path, events: Path) -> None:
    result = run("try", rules / "shadow.yml", events)
    text = result.stdout
    assert "✓ Shadow copies deleted: matches" in text
    assert "✓ selection_img: Image any of 2   saw C:\\Windows\\vssadmin.exe" in text
    assert "✗ ends with '\\wmic.exe'" in text
    assert "✗ filter_admin: User is 'backup'   saw mallory" in text
    assert "Shadow copies deleted: does not match" in text
    assert "\x1b[31m" not in text, "what an attacker wrote must not steer the terminal"
    assert text.count("Sysmon/Operational 1") == 2, "events of other log sources are passed over"


def test_try_explains_the_event_that_is_asked_for(rules: Path, events: Path) -> None:
    first, second = lines(run("try", rules / "shadow.yml", events, "--format", "jsonl"))
    assert (first["matched"], second["matched"]) == (True, False)
    (again,) = lines(run("try", rules / "shadow.yml", events, "--event", second["event_id"], "--format", "jsonl"))
    assert again == second
    (only,) = lines(run("try", rules / "shadow.yml", events, "--events", 1, "--format", "jsonl"))
    assert only == first


def test_try_explains_an_event_of_another_log_source_when_asked(rules: Path, events: Path) -> None:
    offset = sum(len(line) for line in events.read_bytes().splitlines(keepends=True)[:2])
    (first, _) = lines(run("try", rules / "shadow.yml", events, "--format", "jsonl"))
    other = str(first["event_id"]).rpartition("-")[0] + f"-{offset}"
    (explained,) = lines(run("try", rules / "shadow.yml", events, "--event", other, "--format", "jsonl"))
    assert (explained["in_log_source"], explained["matched"]) == (False, False)
    assert (
        "the event is not of the rule's log source" in run("try", rules / "shadow.yml", events, "--event", other).stdout
    )


def test_try_says_when_there_is_nothing_to_explain(rules: Path, events: Path, tmp_path: Path) -> None:
    error = run("try", rules / "shadow.yml", events, "--event", "ev-" + "0" * 24 + "-0").exception
    assert isinstance(error, InputError)
    assert "is among the 3 events read" in str(error)
    (tmp_path / "other.yml").write_text(PLAIN.replace("process_creation", "dns_query"), "utf-8")
    error = run("try", tmp_path / "other.yml", events).exception
    assert str(error) == "none of the 3 events read is of the rule's log source (windows/dns_query/*)"
