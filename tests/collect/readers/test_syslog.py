"""Syslog: RFC 5424, RFC 3164 and rsyslog's own form, each line one event with the host that it comes from."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.conftest import Reading

from sakimori.collect.formats import Unknown, reader_for
from sakimori.collect.readers.syslog import Syslog
from sakimori.collect.shapes import Shaped, ShapeError
from sakimori.core import parse_rfc3339, rfc3339

_NOW = "2026-11-22T12:00:00Z"
_SYSMON = (
    '<Event><System><Provider Name="Linux-Sysmon" Guid="{ff032593}"/><EventID>1</EventID>'
    '<TimeCreated SystemTime="2026-01-12T01:00:00.5Z"/><Channel>Linux-Sysmon/Operational</Channel>'
    '<Computer>web1</Computer></System><EventData><Data Name="Image">/usr/bin/wget</Data>'
    '<Data Name="CommandLine">wget &lt;x&gt;</Data></EventData></Event>'
)


def _event(line: str | bytes, now: str = _NOW) -> Shaped:
    return Syslog(parse_rfc3339(now)).event(line if isinstance(line, bytes) else line.encode())


def test_rfc_5424_with_structured_data() -> None:
    """The example of section 6.5, with an escape of 6.3.3."""
    kind, time, fields, _ = _event(
        '<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog 77 ID47 [exampleSDID@32473 iut="3" '
        'eventSource="App\\]lic\\"ation"][x@1 y="\\z"] \ufeffAn application event log entry...'
    )
    assert kind == ("linux", "syslog", "")
    assert time == parse_rfc3339("2003-10-11T22:14:15.003Z")
    assert fields == {
        "facility": "local4",
        "severity": "notice",
        "exampleSDID@32473.iut": "3",
        "exampleSDID@32473.eventSource": 'App]lic"ation',
        "x@1.y": "\\z",
        "hostname": "mymachine.example.com",
        "program": "evntslog",
        "pid": "77",
        "msgid": "ID47",
        "message": "An application event log entry...",
    }


def test_rfc_5424_without_anything() -> None:
    assert _event("<0>1 - - - - - -") == (
        ("linux", "syslog", ""),
        None,
        {"facility": "kern", "severity": "emerg", "message": ""},
        False,
    )


@pytest.mark.parametrize(
    ("line", "host", "program", "pid", "message"),
    [
        ("<34>Oct 11 22:14:15 mymachine su: 'su root' failed", "mymachine", "su", None, "'su root' failed"),
        ("Oct  1 22:14:15 h sshd[4711]: x", "h", "sshd", "4711", "x"),
        ("2026-10-11T22:14:15.123456+09:00 h CRON[5]: x", "h", "CRON", "5", "x"),
        ("<13>2026-10-11T22:14:15Z h kernel: [1.5] x: y", "h", "kernel", None, "[1.5] x: y"),
        ("Oct 11 22:14:15 su: x", None, "su", None, "x"),
        ("Oct 11 22:14:15 h no tag here: x", "h", None, None, "no tag here: x"),
        ("Oct 11 22:14:15 h /usr/sbin/cron[5]: x", "h", "cron", "5", "x"),
        ("Oct 11 22:14:15 h su(pam_unix)[5]: x", "h", "su", "5", "x"),
        ("Oct 11 22:14:15 s_net@origin/relay sshd[1]: x", "origin", "sshd", "1", "x"),
        ("Oct 11 22:14:15 relay Message forwarded from origin: sshd[1]: x", "origin", "sshd", "1", "x"),
        ("Oct 11 22:14:15 h", "h", None, None, ""),
    ],
)
def test_host_program_and_message(line: str, host: str | None, program: str, pid: str | None, message: str) -> None:
    fields = _event(line).fields
    got = tuple(fields.get(name) for name in ("hostname", "program", "pid", "message"))
    assert got == (host, program, pid, message)


@pytest.mark.parametrize(
    ("now", "written", "time"),
    [
        (_NOW, "Nov 22 11:59:59", "2026-11-22T11:59:59Z"),
        (_NOW, "Nov 23 11:59:59", "2026-11-23T11:59:59Z"),
        (_NOW, "Nov 23 12:00:01", "2025-11-23T12:00:01Z"),
        ("2026-12-31T23:00:00Z", "Jan  1 08:00:00", "2027-01-01T08:00:00Z"),
        ("2027-01-01T00:00:30Z", "Dec 31 23:59:59.5", "2026-12-31T23:59:59.5Z"),
        (_NOW, "Feb 29 00:00:00", "2024-02-29T00:00:00Z"),
        (_NOW, "Jan 12 2019 10:00:00", "2019-01-12T10:00:00Z"),
    ],
)
def test_a_year_that_is_not_written_is_the_newest_possible(now: str, written: str, time: str) -> None:
    assert _event(f"{written} h sshd[1]: x", now).time == parse_rfc3339(time)


def test_an_impossible_day_is_no_time() -> None:
    assert _event("Feb 30 00:00:00 h sshd[1]: x").time is None


def test_sysmon_for_linux_has_windows_names_and_a_product_of_its_own() -> None:
    kind, time, fields, _ = _event(f"Jan 12 10:00:00 relay sysmon[1]: {_SYSMON}")
    assert kind == ("linux", "Linux-Sysmon/Operational", "1")
    assert time == parse_rfc3339("2026-01-12T01:00:00.5Z")
    assert (fields["Computer"], fields["Image"], fields["CommandLine"]) == ("web1", "/usr/bin/wget", "wget <x>")


def test_a_forwarded_audit_record_is_one() -> None:
    kind, time, fields, _ = _event('Jan 12 10:00:00 web1 audispd: type=EXECVE msg=audit(1700000000.123:4): a0="id"')
    assert (kind, time) == (("linux", "auditd", "EXECVE"), 1_700_000_000_123_000_000)
    assert fields == {"node": "web1", "a0": "id", "type": "EXECVE"}


@pytest.mark.parametrize("line", [b"", b"x", b"<34>", b"<34>1 x", b"Oct 11 22:14:15", b"\xff\0", b"2026-10-11 no"])
def test_what_is_no_message_is_rejected(line: bytes) -> None:
    with pytest.raises(ShapeError, match="no syslog message"):
        _event(line)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_message_comes_through(message: str) -> None:
    assert _event(f"<38>Oct 11 22:14:15 h backup[1]: {message}").fields["message"] == message.lstrip(" ")


@given(st.datetimes(), st.binary(max_size=40))
def test_iso_times_and_damaged_bytes(moment: object, damage: bytes) -> None:
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0")
    shaped = _event(f"{stamp} h p[1]: ".encode() + damage)
    assert shaped.repaired == ("\ufffd" in damage.decode("utf-8", "replace"))
    if shaped.time is not None:
        assert rfc3339(shaped.time)[:19] == stamp[:19]


@pytest.mark.parametrize(
    "line",
    [
        "<38>1 2026-10-11T22:14:15Z h p 1 - [a" + ' b="c"' * 300_000,
        "<38>1 2026-10-11T22:14:15Z h p 1 - " + '[a b="c"]' * 300_000,
        '<38>1 2026-10-11T22:14:15Z h p 1 - [a b="' + "\\" * 1_000_000,
        "Oct 11 22:14:15 " + "a" * 2_000_000,
    ],
    ids=["parameters", "elements", "escapes", "host"],
)
def test_time_is_linear_in_a_hostile_line(line: str) -> None:
    """Were it the square, the suite would not end."""
    assert _event(line).kind[0] == "linux"


def test_read_by_content(lines: Callable[[bytes], Reading]) -> None:
    data = "2026-10-11T22:14:15+09:00 防人 sshd[1]: Accepted password for 花子 from 10.0.0.1 port 5 ssh2\n" * 3
    reading = lines(data.encode() + b"no message\n" + data.encode()[:40])
    assert (reading.account.evaluated, reading.account.rejected, reading.account.untimed) == (4, 1, 0)
    assert {event["hostname"] for event in reading.events()} == {"防人"}
    assert [event.get("user") for event in reading.events()] == ["花子"] * 3 + [None]


@pytest.mark.parametrize("head", [b"title: a rule\nlogsource:\n", b"2026-10-11T22:14:15Z one two three\n" * 3])
def test_other_text_is_not_taken(head: bytes) -> None:
    with pytest.raises(Unknown):
        reader_for(head)
