"""What was accepted is on disk, whole, whoever dies or writes beside it."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.collect.alerts.samples import GRAPH
from tests.collect.conftest import gather

from sakimori.collect.inbox import Inbox, NotAlerts


def test_a_body_becomes_lines_that_are_read_as_alerts(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "alerts")
    assert inbox.keep("bank", json.dumps(GRAPH, indent=2).replace("\n", "\r\n").encode()) == 1
    assert inbox.keep("bank", b"\n" + json.dumps(GRAPH).encode() + b"\n\n" + json.dumps(GRAPH).encode()) == 2
    assert inbox.keep("銀行", b'{"no":"alert"}') == 1
    reading = gather(inbox.path("bank"))
    assert len(reading.alerts) == 3
    assert len({alert.id for alert in reading.alerts}) == 1
    assert inbox.path("bank").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("body", [b"", b"  \n", b"no JSON", b"[1]", b'"x"', b'{"a":1}\n5', b'{"a":1}\n{', b"\xff{}"])
def test_what_is_no_json_object_is_refused_and_not_kept(body: bytes, tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    with pytest.raises(NotAlerts):
        inbox.keep("bank", body)
    assert not inbox.path("bank").exists()


def test_half_a_line_that_a_dying_process_left_spoils_nothing(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.path("bank").write_bytes(json.dumps(GRAPH).encode()[:100])
    inbox.keep("bank", json.dumps(GRAPH).encode())
    reading = gather(inbox.path("bank"))
    assert (len(reading.alerts), len(reading.rejected)) == (1, 1)


def test_where_the_disk_is_full_nothing_of_a_body_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox(tmp_path)
    inbox.keep("bank", b'{"a":1}')
    monkeypatch.setattr(os, "write", _a_little)
    monkeypatch.setattr(os, "fsync", _full)
    with pytest.raises(OSError, match="No space left"):
        inbox.keep("bank", b'{"b":2}')
    assert inbox.path("bank").read_bytes() == b'{"a":1}\n'


_write = os.write


def _a_little(file: int, data: bytes) -> int:
    return _write(file, data[:3])


def _full(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_many_writers_at_once_keep_every_line_whole(tmp_path: Path) -> None:
    def write(number: int) -> None:
        Inbox(tmp_path).keep("bank", json.dumps({"number": number, "text": "x" * 5000}).encode())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(100)))
    lines = Inbox(tmp_path).path("bank").read_text().splitlines()
    assert sorted(json.loads(line)["number"] for line in lines) == list(range(100))
