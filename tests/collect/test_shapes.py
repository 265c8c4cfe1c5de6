"""Shapes: each way of writing an event becomes the same kind, time and fields."""

from typing import Any

import pytest

from sakimori.collect.json_records import shaped
from sakimori.collect.shapes import ShapeError
from sakimori.core import parse_rfc3339

SYSMON = "Microsoft-Windows-Sysmon/Operational"


def test_evtx_json() -> None:
    kind, time, fields, _ = shaped(
        {
            "Event": {
                "#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"},
                "System": {
                    "Provider": {"#attributes": {"Name": "Service Control Manager", "Guid": "{5}"}},
                    "EventID": {"#attributes": {"Qualifiers": 16384}, "#text": 7045},
                    "TimeCreated": {"#attributes": {"SystemTime": "2025-10-22T20:33:27.276702Z"}},
                    "Correlation": None,
                    "Execution": {"#attributes": {"ProcessID": 700, "ThreadID": 4}},
                    "Channel": "System",
                    "Computer": "ws01.bank.example",
                    "Security": {"#attributes": {"UserID": "S-1-5-18"}},
                },
                "EventData": {"ServiceName": "防人", "Data": {"#text": ["a", "b"]}, "Binary": None},
            }
        }
    )
    assert kind == ("windows", "System", "7045")
    assert time == parse_rfc3339("2025-10-22T20:33:27.276702Z")
    assert fields == {
        "Provider_Name": "Service Control Manager",
        "Provider_Guid": "{5}",
        "EventID": 7045,
        "Execution_ProcessID": 700,
        "Execution_ThreadID": 4,
        "Channel": "System",
        "Computer": "ws01.bank.example",
        "UserID": "S-1-5-18",
        "ServiceName": "防人",
        "Data": ["a", "b"],
        "Binary": None,
    }


def test_user_data_lose_their_wrapper_and_keep_attributes() -> None:
    system = {"EventID": 70, "Channel": "CAPI2", "Computer": "a"}
    user_data = {
        "Wrap": {
            "#attributes": {"xmlns": "x"},
            "Aux": {"#attributes": {"ProcessName": "mimikatz.exe"}},
            "Computer": "b",
        }
    }
    _, _, fields, _ = shaped({"Event": {"System": system, "UserData": user_data}})
    assert fields == {**system, "Aux_ProcessName": "mimikatz.exe", "Computer_2": "b"}


def _system() -> dict[str, Any]:
    return {"EventID": 1, "Channel": "x"}


@pytest.mark.parametrize(
    "record",
    [
        {**_system(), "EventData": "<EventData>" + "<D Name='a'/>" * 200_000 + "</EventData>"},
        {"Event": {"System": _system(), "UserData": {f"u{number}": {"a": ""} for number in range(200_000)}}},
        {
            "Event": {
                "System": _system(),
                "EventData": {f"a_{number}": "" for number in range(2, 100_001)},
                "UserData": {f"u{number}": {"a": ""} for number in range(100_001)},
            }
        },
    ],
    ids=["xml", "json", "numbers taken before"],
)
def test_fields_of_one_name_are_numbered_without_costing_their_square(record: dict[str, Any]) -> None:
    """Counted from 2 each time, the fewest of these would need over an hour: the suite would not end."""
    _, _, fields, _ = shaped(record)
    assert set(fields) == {"EventID", "Channel", "a", *(f"a_{number}" for number in range(2, 200_001))}


def test_winlogbeat() -> None:
    kind, time, fields, _ = shaped(
        {
            "@timestamp": "2024-01-02T03:04:05.678Z",
            "log": {"level": "information"},
            "message": "A process has exited.",
            "winlog": {
                "channel": "Security",
                "provider_name": "Microsoft-Windows-Security-Auditing",
                "event_id": "4689",
                "computer_name": "ws01",
                "record_id": 5,
                "process": {"pid": 4, "thread": {"id": 8}},
                "user": {"identifier": "S-1-5-18"},
                "event_data": {"ProcessName": "C:\\a.exe"},
            },
        }
    )
    assert (kind, time) == (("windows", "Security", "4689"), parse_rfc3339("2024-01-02T03:04:05.678Z"))
    assert fields == {
        "Channel": "Security",
        "Provider_Name": "Microsoft-Windows-Security-Auditing",
        "EventID": "4689",
        "Computer": "ws01",
        "EventRecordID": 5,
        "Execution_ProcessID": 4,
        "Execution_ThreadID": 8,
        "UserID": "S-1-5-18",
        "Level": "information",
        "Message": "A process has exited.",
        "ProcessName": "C:\\a.exe",
    }


def test_nxlog_names_become_those_of_windows() -> None:
    kind, _, fields, _ = shaped(
        {
            "EventID": 1,
            "Channel": SYSMON,
            "Hostname": "ws01.bank.example",
            "SourceName": "Microsoft-Windows-Sysmon",
            "RecordNumber": 9,
            "ExecutionProcessID": 3,
            "ThreadID": 4,
            "Opcode": "Info",
            "OpcodeValue": 0,
            "Keywords": -9223372036854775808,
            "ProcessId": "77",
        }
    )
    assert kind == ("windows", SYSMON, "1")
    assert fields == {
        "EventID": 1,
        "Channel": SYSMON,
        "Computer": "ws01.bank.example",
        "Provider_Name": "Microsoft-Windows-Sysmon",
        "EventRecordID": 9,
        "Execution_ProcessID": 3,
        "Execution_ThreadID": 4,
        "Opcode": 0,
        "Keywords": "0x8000000000000000",
        "ProcessId": "77",
    }


def test_log_analytics_keep_their_event_data_as_xml() -> None:
    xml = (
        '<EventData xmlns="urn:e">\r\n  <Data Name="SourceAddress">192.168.3.5</Data><Data Name="Empty" />'
        "<Data>one</Data><Data>two</Data></EventData>"
    )
    kind, time, fields, _ = shaped(
        {
            "TimeGenerated": "2022-05-13T08:54:05.21Z",
            "Computer": "W5",
            "Channel": "Security",
            "EventID": 5156,
            "EventData": xml,
        }
    )
    assert (kind, time) == (("windows", "Security", "5156"), parse_rfc3339("2022-05-13T08:54:05.210Z"))
    assert fields["SourceAddress"] == "192.168.3.5"
    assert fields["Empty"] == ""
    assert fields["Data"] == ["one", "two"]
    assert "EventData" not in fields


def test_event_data_do_not_pass_for_the_channel_or_the_host() -> None:
    xml = "<EventData><Data Name='Channel'>b</Data><Data Name='Computer'>b</Data></EventData>"
    kind, _, fields, _ = shaped({"Channel": "a", "Hostname": "a", "EventID": 1, "EventData": xml})
    assert kind == ("windows", "a", "1")
    assert fields == {"Channel": "a", "Computer": "a", "EventID": 1}


def test_helpdesk_tickets() -> None:
    record = {"log": "helpdesk", "@timestamp": "2026-11-22T09:00:00+09:00", "ticket": "HD-7", "type": "password_reset"}
    kind, time, fields, _ = shaped(dict(record))
    assert (kind, time, fields) == (
        ("helpdesk", "tickets", "password_reset"),
        parse_rfc3339("2026-11-22T00:00:00Z"),
        record,
    )


NXLOG = {
    "EventTime": "2020-09-21 19:26:05",
    "EventReceivedTime": "2020-09-21 19:26:47",
    "@timestamp": "2020-09-21T23:26:48.434Z",
}


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"TimeCreated": "2023-07-19T09:03:40.710Z", "@timestamp": "2023-07-19T10:00:00Z"}, "2023-07-19T09:03:40.710Z"),
        ({"@timestamp": "2020-08-07T15:04:13.220Z"}, "2020-08-07T15:04:13.220Z"),
        ({"@timestamp": "2020-08-08T00:04:13.220+09:00"}, "2020-08-07T15:04:13.220Z"),
        (NXLOG, "2020-09-21T23:26:05Z"),
        (
            {**NXLOG, "SourceName": "Microsoft-Windows-Sysmon", "UtcTime": "2020-09-21 23:26:05.384"},
            "2020-09-21T23:26:05.384Z",
        ),
        ({**NXLOG, "UtcTime": "2020-01-01 00:00:00"}, "2020-09-21T23:26:05Z"),
        ({**NXLOG, "EventReceivedTime": "soon"}, "2020-09-21T23:26:48.434Z"),
        ({**NXLOG, "EventTime": "garbage"}, "2020-09-21T23:26:48.434Z"),
        ({"EventTime": "2020-09-21T19:26:05+09:00", "@timestamp": "2020-09-21T11:00:00Z"}, "2020-09-21T10:26:05Z"),
        ({"EventTime": "2020-09-21 19:26:05"}, "2020-09-21T19:26:05Z"),
        ({"@timestamp": 1600730808}, None),
        ({"@timestamp": "yesterday"}, None),
        ({"@timestamp": "2020-08-07T15:04:13." + "0" * 70_000 + "Z"}, None),
        ({"@timestamp": "1601-01-01T00:00:00Z"}, None),
        ({"@timestamp": "9999-12-31T23:59:59Z"}, None),
        ({}, None),
    ],
)
def test_the_time_of_a_flat_record_is_the_events_own(times: dict[str, Any], expected: str | None) -> None:
    time = shaped({"EventID": 1, "Channel": "x", **times}).time
    assert time == (None if expected is None else parse_rfc3339(expected))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"a": 1, "b": 2}, "no known event shape (its members begin with: a, b)"),
        ({}, "no known event shape (its members begin with: none)"),
        ({"Event": 5}, "Event is no object"),
        ({"Event": {}}, "Event.System is no object"),
        ({"Event": {"System": {"Channel": "x"}}}, "Event.System has no EventID"),
        ({"winlog": []}, "winlog is no object"),
        ({"winlog": {}}, "winlog has no event_id"),
        ({"EventID": 1, "Channel": None}, "a name or number was expected for channel and event id, got NoneType"),
        ({"EventID": [1], "Channel": "x"}, "a name or number was expected for channel and event id, got list"),
        (
            {"EventID": 1, "Channel": "x", "EventData": '<!DOCTYPE d [<!ENTITY a "b">]><d>&a;</d>'},
            "EventData holds an XML declaration, which event data never does",
        ),
    ],
)
def test_what_is_no_event_says_why(record: dict[str, Any], reason: str) -> None:
    with pytest.raises(ShapeError) as caught:
        shaped(record)
    assert str(caught.value) == reason


def test_broken_xml_in_event_data_is_named() -> None:
    with pytest.raises(ShapeError, match="EventData is broken XML: "):
        shaped({"EventID": 1, "Channel": "x", "EventData": "<EventData><Data"})
