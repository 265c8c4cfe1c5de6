"""``sakimori providers``: what the operator of a programme sees of its providers, and does to them."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sakimori.access import members
from sakimori.access.secrets import Secrets
from sakimori.cli.providers import providers
from sakimori.core import InputError, SystemClock
from sakimori.gateway.providers.config import Providers
from sakimori.gateway.providers.credentials import PURPOSE, Credentials
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import LedgerEntry
from sakimori.store import Database, usage
from sakimori.store import providers as rows

FILE = """\
providers:
  - name: tokyo
    kind: compatible
    base_url: https://tokyo.example/v1
    key: store
    stored_in: [JP]
    processed_in: [JP, US]
    retention: none
  - name: osaka
    kind: compatible
    base_url: https://osaka.example/v1
    stored_in: [JP]
    processed_in: [JP]
    retention: 30d
    order: 2
"""


def run(*arguments: str, input: str | None = None) -> Result:
    result = CliRunner().invoke(providers, arguments, input=input, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


def status() -> dict[str, Any]:
    return json.loads(run("status", "--format", "json").stdout)


@pytest.fixture
def database(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    file = tmp_path / "providers.yaml"
    file.write_text(FILE)
    monkeypatch.setenv("SAKIMORI_PROVIDERS", str(file))
    made = Database.embedded(home)
    yield made
    made.close()


def entries(database: Database, home: Path) -> list[LedgerEntry]:
    ledger = Ledger(LocalSigner(Secrets.embedded(home)))
    with database.snapshot("local") as snapshot:
        assert ledger.verify(snapshot).ok
        return [line.entry for line in ledger.lines(snapshot)]


def cuts(database: Database) -> list[str]:
    with database.snapshot(rows.PROGRAMME) as snapshot:
        return [cut.provider for cut in rows.cuts(snapshot)]


def test_a_provider_is_cut_off_and_restored_and_the_ledger_says_by_whom_and_why(database: Database, home: Path) -> None:
    run("cut", "tokyo", "--reason", "インシデント 17")
    assert cuts(database) == ["tokyo"]
    (tokyo, _) = status()["providers"]
    assert tokyo["cut"]["reason"] == "インシデント 17"
    assert tokyo["cut"]["by"].startswith("owner:")
    assert "tokyo was cut off" in run("status").stdout
    run("restore", "tokyo", "--reason", "it is over")
    assert cuts(database) == []
    assert [(entry.action, entry.subject, entry.detail["reason"]) for entry in entries(database, home)] == [
        ("provider.cut", "tokyo", "インシデント 17"),
        ("provider.restored", "tokyo", "it is over"),
    ]


def test_cutting_off_twice_keeps_who_did_it_first(database: Database) -> None:
    run("cut", "tokyo", "--reason", "first")
    run("cut", "tokyo", "--reason", "second")
    assert status()["providers"][0]["cut"]["reason"] == "first"


def test_a_mistyped_name_is_told_rather_than_cut_off(database: Database, home: Path) -> None:
    with pytest.raises(InputError, match="no provider 'tokio': known are osaka, tokyo"):
        run("cut", "tokio", "--reason", "x")
    with pytest.raises(InputError, match="no provider 'tokyo' is cut off; none is"):
        run("restore", "tokyo", "--reason", "x")
    assert not entries(database, home)


def test_what_a_gateway_elsewhere_reports_can_be_cut_off_without_the_file(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAKIMORI_PROVIDERS")
    with database.transaction(rows.PROGRAMME) as transaction:
        rows.report(transaction, [rows.Seen("nagoya", "gw-1", 1, "closed", 0, 0, None, None)], now=1)
    run("cut", "nagoya", "--reason", "x")
    assert cuts(database) == ["nagoya"]


def test_status_tells_order_residency_health_and_shares_over_all_institutions(database: Database) -> None:
    now = SystemClock().now()
    with database.transaction("local") as transaction:
        members.add(transaction, ["みどり信用金庫"], now=now)
    for tenant, name, calls in (("local", "tokyo", 1), ("みどり信用金庫", "tokyo", 2), ("みどり信用金庫", "osaka", 1)):
        with database.transaction(tenant) as transaction:
            for _ in range(calls):
                usage.count(
                    transaction,
                    now=now,
                    outcome=usage.Outcome.ANSWERED,
                    model="m",
                    purpose="p",
                    provider=name,
                    yen=Decimal(1),
                )
    with database.transaction(rows.PROGRAMME) as transaction:
        seen = [
            rows.Seen("tokyo", "gw-1", now, "closed", 5, 1, "provider_error", now),
            rows.Seen("tokyo", "gw-2", now, "open", 0, 9, "provider_timeout", now - 1),
            rows.Seen("osaka", "gw-dead", now - 3600 * 10**9, "open", 0, 9, None, None),
        ]
        rows.report(transaction, seen, now=now)
    described = status()
    tokyo, osaka = described["providers"]
    assert (tokyo["stored_in"], tokyo["processed_in"], tokyo["retention"]) == (["JP"], ["JP", "US"], "none")
    assert (tokyo["breaker"], tokyo["processes"], tokyo["answered"], tokyo["failed"]) == ("open", 2, 5, 10)
    assert tokyo["last_failure"] == "provider_error"
    assert (osaka["processes"], osaka["breaker"]) == (0, None)
    assert (tokyo["share"], osaka["share"]) == (0.75, 0.25)
    assert described["hhi"] == 6250
    shown = run("status").stdout
    assert "avoided: it keeps failing" in shown
    assert "6250 of 10,000" in shown


def test_without_calls_there_is_no_concentration(database: Database) -> None:
    assert status()["hhi"] is None
    assert "no calls" in run("status").stdout


def test_a_key_is_kept_encrypted_and_told_nowhere(database: Database, home: Path, tmp_path: Path) -> None:
    result = run("key", "tokyo", input="sk-very-secret\n")
    assert "very-secret" not in result.output
    with database.snapshot(rows.PROGRAMME) as snapshot:
        sealed = rows.sealed_keys(snapshot)
    assert b"very-secret" not in sealed["tokyo"]
    found = Providers.load(tmp_path / "providers.yaml")
    credentials = Credentials(found, Secrets.embedded(home))
    with database.snapshot(rows.PROGRAMME) as snapshot:
        credentials.read(snapshot)
    assert credentials.of(found.each[0]) == "sk-very-secret"
    assert "very-secret" not in repr(credentials)
    (entry,) = entries(database, home)
    assert (entry.action, entry.detail) == ("provider.key_set", {})
    assert Secrets.embedded(home).key(rows.PROGRAMME, PURPOSE)


@pytest.mark.parametrize("given", ["", "\n", "two words", "キー", "x" * 5000])
def test_what_is_no_key_is_refused(given: str, database: Database) -> None:
    with pytest.raises(InputError, match="standard input holds no key"):
        run("key", "tokyo", input=given)
