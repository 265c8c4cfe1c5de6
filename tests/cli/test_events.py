"""``sakimori events show``: the raw record from its source, else from the evidence, else one sentence."""

from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sakimori.cli.events import events
from sakimori.collect import read
from sakimori.core import ExitCode, ManualClock, SakimoriError
from sakimori.records import EventBatch
from sakimori.store import Database, evidence

RECORD = '{"EventID":1,"Channel":"x","CommandLine":"防人 \u202e\x9b"}'.encode()


@pytest.fixture
def event_id(home: Path, tmp_path: Path) -> str:
    """The second event of a file that was scanned."""
    path = tmp_path / "log"
    path.write_bytes(b'{"EventID":1,"Channel":"x"}\n' + RECORD + b"\n")
    (batch,) = (item for item in read([path], tenant="local", clock=ManualClock(0)) if isinstance(item, EventBatch))
    with closing(Database.embedded(home)) as database, database.transaction("local") as transaction:
        transaction.put(batch.source)
    return batch.event_id(1)


def _keep(home: Path, event_id: str) -> None:
    with closing(Database.embedded(home)) as database, database.transaction("local") as transaction:
        evidence.put_raw(transaction, event_id, RECORD)


def _show(*arguments: str) -> Result:
    return CliRunner().invoke(events, ["show", *arguments])


def _error(result: Result) -> SakimoriError:
    assert isinstance(result.exception, SakimoriError)
    assert result.exception.exit_code is ExitCode.INPUT
    return result.exception


def test_raw_writes_the_bytes_and_nothing_else(event_id: str) -> None:
    assert _show(event_id, "--raw").stdout_bytes == RECORD


def test_a_record_is_shown_pretty_with_its_place_and_without_control_characters(event_id: str, tmp_path: Path) -> None:
    result = _show(event_id)
    assert '  "CommandLine": "防人 \\u202e\\u009b"\n' in result.stdout
    assert result.stderr.startswith(f"{tmp_path}/log, byte 28 (ndjson, SHA-256 ")


def test_the_kept_copy_stands_in_for_a_changed_file_and_says_so(event_id: str, home: Path, tmp_path: Path) -> None:
    _keep(home, event_id)
    (tmp_path / "log").write_bytes(b"something else")
    result = _show(event_id)
    assert "has changed since it was read" in result.stderr
    assert "This is the copy that was kept as evidence." in result.stderr
    assert "防人" in result.stdout


def test_without_source_and_copy_there_is_one_sentence(event_id: str, tmp_path: Path) -> None:
    (tmp_path / "log").unlink()
    assert str(_error(_show(event_id))) == (
        f"{tmp_path}/log is gone: restore the file to see its raw records "
        "(no copy was kept: only events that findings rest on are)"
    )


def test_unknown_and_malformed_ids_are_told_apart(event_id: str) -> None:
    unknown = "ev-" + "0" * 24 + "-5"
    assert str(_error(_show(unknown))) == f"no event {unknown} is known here: scan its source first, or check the id"
    assert str(_error(_show("ev-1"))) == "'ev-1' is no event id: expected ev-<24 hex digits>-<offset>"


def test_another_institution_sees_nothing(event_id: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _keep(home, event_id)
    monkeypatch.setenv("SAKIMORI_TENANT", "other")
    assert "is known here" in str(_error(_show(event_id)))
