"""What the gateway remembers of keys, grants and inventories: never for longer than half a second."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import AuthenticationError, OpenAI, PermissionDeniedError
from tests.gateway.conftest import Bank
from tests.scripted_provider import MODEL, Upstream

from sakimori.access import keys
from sakimori.core import ManualClock, SystemClock
from sakimori.gateway import Providers, running
from sakimori.gateway.standing import Standing
from sakimori.records import GrantState
from sakimori.store import Database

HALF_A_SECOND = 500_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
def timed(bank: Bank, providers: Providers, clock: ManualClock) -> Iterator[OpenAI]:
    """A client of a gateway whose time the test moves."""
    with (
        running(bank.database, bank.secrets, bank.ledger, providers, clock=clock) as url,
        OpenAI(base_url=url, api_key=bank.key, max_retries=0, timeout=30) as client,
    ):
        yield client


def ask(client: OpenAI) -> str:
    return client.responses.create(model=MODEL, input="AOZORA", max_output_tokens=100).output_text


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Database]:
    """The same database, as another process has it."""
    made = Database.embedded(tmp_path / "home")
    yield made
    made.close()


def test_a_key_that_is_revoked_elsewhere_is_refused_half_a_second_later(
    timed: OpenAI, bank: Bank, clock: ManualClock, elsewhere: Database
) -> None:
    bank.grant()
    ask(timed)
    with elsewhere.transaction(bank.tenant) as transaction:
        (issued,) = keys.issued(transaction)
        keys.revoke(transaction, issued.id, clock)
    clock.set(clock.now() + HALF_A_SECOND)
    with pytest.raises(AuthenticationError):
        ask(timed)


def test_a_grant_that_is_revoked_is_refused_half_a_second_later(
    timed: OpenAI, bank: Bank, clock: ManualClock, upstream: Upstream
) -> None:
    bank.grant()
    ask(timed)
    bank.grant(state=GrantState.REVOKED)
    clock.set(clock.now() + HALF_A_SECOND)
    with pytest.raises(PermissionDeniedError):
        ask(timed)
    assert len(upstream.bodies) == 1


def test_a_new_inventory_is_protected_half_a_second_later(
    timed: OpenAI, bank: Bank, clock: ManualClock, upstream: Upstream
) -> None:
    bank.grant()
    ask(timed)
    assert "AOZORA" in upstream.sent
    bank.inventory()
    clock.set(clock.now() + HALF_A_SECOND)
    upstream.bodies.clear()
    assert ask(timed) == "AOZORA"
    assert "AOZORA" not in upstream.sent


def test_what_is_granted_counts_at_once(timed: OpenAI, bank: Bank) -> None:
    with pytest.raises(PermissionDeniedError):
        ask(timed)
    bank.grant()
    ask(timed)


def test_a_clock_that_is_set_back_makes_nothing_last(bank: Bank, clock: ManualClock) -> None:
    standing = Standing(bank.database, bank.secrets, clock)
    assert standing.principal(bank.key) is not None
    assert standing.known_principal(bank.key) is not None
    clock.set(clock.now() - 1)
    assert standing.known_principal(bank.key) is None
