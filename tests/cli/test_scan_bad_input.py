"""``sakimori scan`` over bad input: a clear line, a record of it with the reason, and the scan goes on."""

import io
import json
import random
import tarfile
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sakimori.cli import cli
from sakimori.core import ExitCode

EVENT = (
    '{"@timestamp":"2026-06-16T00:00:00Z","Hostname":"ws-01.bank.example","Channel":"Security","EventID":1102,'
    '"SourceName":"Microsoft-Windows-Eventlog","SubjectUserName":"tanaka"}'
)
_RULE = """
title: Log cleared
id: 7b6f2f0e-6ad4-4dd2-9f6f-2f2b3a4c5d6f
level: high
logsource: {product: windows, service: security}
detection: {selection: {EventID: 1102}, condition: selection}
"""


def _zip(name: str, content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(name, content)
    return target.getvalue()


def _tgz(name: str, content: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def _nested(depth: int) -> bytes:
    return _zip("a.ndjson", EVENT.encode()) if depth == 1 else _zip("inner.zip", _nested(depth - 1))


_ENCRYPTED = bytearray(_zip("a.ndjson", EVENT.encode()))
_ENCRYPTED[6] |= 1
_ENCRYPTED[_ENCRYPTED.index(b"PK\x01\x02") + 8] |= 1
_GOOD = EVENT.encode() + b"\n"
_BAD = {
    "half a line": (_GOOD + b'{"EventID":1,"Cha', "broken JSON: unexpected end of data"),
    "NULs": (_GOOD + bytes(100), "broken JSON"),
    "a line of 50 MB": (b'{"a":"' + b"x" * 50_000_000 + b'"}\n' + _GOOD, "the line is longer than 16 MiB"),
    "JSON 10,000 deep": (_GOOD + b'{"a":' * 10_000 + b"\n" + _GOOD, "broken JSON: depth limit exceeded"),
    "no event": (_GOOD + b'{"hello":1}\n', "no known event shape"),
    "truncated EVTX": (b"ElfFile\0" + bytes(100), "the file ends within its header: 108 of 4096 bytes are here"),
    "damaged EVTX": (b"ElfFile\0" + bytes(4088) + b"ElfChnX" * 9000, "no event log chunk here: its header is damaged"),
    "UTF-32": (EVENT.encode("utf-32"), "it is UTF-32 text: convert it to UTF-8"),
    "an encrypted archive": (bytes(_ENCRYPTED), "encrypted"),
    "archives too deep": (_nested(4), "archives are nested more than 3 deep"),
    "an archive that breaks off": (
        _tgz("a.ndjson", _GOOD + random.Random(4).randbytes(9000).hex().encode())[:-4000],
        "the archive is damaged",
    ),
}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "cleared.yml"
    path.write_text(_RULE)
    return path


def _scan(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["scan", *map(str, arguments), "--format", "jsonl"])


def _letters(home: Path) -> list[dict[str, object]]:
    return [json.loads(line) for path in (home / "rejected").iterdir() for line in path.read_text().splitlines()]


@pytest.mark.parametrize("what", _BAD)
def test_it_is_said_and_kept_with_its_reason_and_the_scan_goes_on(
    what: str, home: Path, rules: Path, tmp_path: Path
) -> None:
    content, reason = _BAD[what]
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "bad.evtx").write_bytes(content)
    (folder / "good.ndjson").write_bytes(_GOOD)
    result = _scan(folder, "--rules", rules)
    assert result.exit_code == ExitCode.INPUT
    said = [line for line in result.stderr.splitlines() if "bad.evtx" in line]
    assert any(reason in line for line in said)
    assert [
        letter for letter in _letters(home) if reason in str(letter["reason"]) and "bad.evtx" in str(letter["path"])
    ]
    assert "all that could not be read, with reasons: " in result.stderr
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [finding["source"] for finding in found][-1] == str(folder / "good.ndjson")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("﻿".encode() + _GOOD, ""),
        (EVENT.encode("utf-16"), ""),
        (_GOOD.replace(b"tanaka", b"tan\xffaka"), "1 events hold text that is no UTF-8"),
        (_GOOD.replace(b'"EventID"', b'"EventID":1,"EventID"'), ""),
        (_GOOD.replace(b'"tanaka"', b'"tanaka","n":123456789012345678901234567890'), ""),
        (_GOOD.replace(b"2026", b"2199"), ""),
        (_GOOD.replace(b"2026", b"1961"), ""),
        (_GOOD.replace(b"00:00:00Z", b"00:00:00+09:00"), ""),
        (_GOOD.replace(b"2026", b"9999"), "1 events carry no usable time"),
        (_GOOD[:-1], ""),
    ],
    ids=[
        *("mark", "UTF-16", "invalid UTF-8", "member twice", "beyond 64 bits"),
        *("future", "before 1970", "local time", "no time of 64 bits", "no line end"),
    ],
)
def test_odd_events_escape_no_rule(content: bytes, said: str, home: Path, rules: Path, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(content)
    result = _scan(tmp_path / "log", "--rules", rules)
    assert result.exit_code == ExitCode.OK, result.stderr
    assert len(result.stdout.splitlines()) == 1
    assert said in result.stderr


def test_a_finding_in_an_archive_in_an_archive_leads_to_its_record(home: Path, rules: Path, tmp_path: Path) -> None:
    (tmp_path / "case.zip").write_bytes(_zip("host1/logs.tgz", _tgz("var/log/events", _GOOD + b"oops\n" + _GOOD)))
    result = _scan(tmp_path / "case.zip", "--rules", rules)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    inside = f"{tmp_path}/case.zip!host1/logs.tgz!var/log/events"
    assert {finding["source"] for finding in found} == {inside}
    for finding in found:
        shown = CliRunner().invoke(cli, ["events", "show", finding["event_ids"][0]])
        assert json.loads(shown.stdout) == json.loads(EVENT)
        assert inside in shown.stderr
    assert [(letter["path"], letter["offset"]) for letter in _letters(home)] == [(inside, len(_GOOD))]
