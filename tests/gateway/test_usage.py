"""What calls leave behind in the usage: sums that agree with the books, and refusals with what was asked for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from openai import APIStatusError, OpenAI
from tests.gateway.conftest import Bank
from tests.scripted_provider import MODEL, Upstream

from sakimori.core import SystemClock
from sakimori.records import Limit, Window
from sakimori.store import budgets, usage
from sakimori.store.usage import Outcome, Used


def used(bank: Bank) -> list[Used]:
    today = datetime.now(UTC).date()
    with bank.database.snapshot(bank.tenant) as snapshot:
        return usage.between(snapshot, today, today)


def test_what_was_answered_agrees_with_the_books(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    grant = bank.grant()
    for _ in range(2):
        client.responses.create(model=MODEL, input="10.0.0.1", max_output_tokens=50)
    (sums,) = used(bank)
    assert (sums.outcome, sums.model, sums.purpose, sums.provider) == (
        Outcome.ANSWERED,
        MODEL,
        "investigation",
        "scripted",
    )
    assert (sums.calls, sums.input_tokens, sums.output_tokens) == (2, 240, 60)
    with bank.database.snapshot(bank.tenant) as snapshot:
        booked = budgets.used(snapshot, grant.id, Window.DAY, now=SystemClock().now())
    assert (booked.requests, booked.tokens, booked.yen) == (2, 300, sums.yen)


def test_refusals_are_counted_by_what_was_asked_for_and_names_of_clients_make_no_rows(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.grant(limits=(Limit(window=Window.DAY, yen=Decimal("0.000001")),))
    for model in (MODEL, "made-up-1", "made-up-2"):
        with pytest.raises(APIStatusError):
            client.responses.create(model=model, input="x", max_output_tokens=50)
    assert [(sums.outcome, sums.code, sums.model, sums.purpose, sums.calls) for sums in used(bank)] == [
        ("refused", "model_not_granted", "", "", 2),
        ("refused", "budget_exceeded", MODEL, "investigation", 1),
    ]


@pytest.mark.parametrize(("window", "again"), [(Window.MINUTE, "true"), (Window.DAY, "false")])
def test_a_limit_that_frees_soon_lets_clients_try_again(
    client: OpenAI, bank: Bank, upstream: Upstream, window: Window, again: str
) -> None:
    bank.grant(limits=(Limit(window=window, requests=1),))
    client.responses.create(model=MODEL, input="x", max_output_tokens=50)
    with pytest.raises(
        APIStatusError, match=rf"allows 1 request per {window} and has 0 requests left until [^,:]+:\d\d:[^,:]+: wait\."
    ) as refused:
        client.responses.create(model=MODEL, input="x", max_output_tokens=50)
    assert refused.value.response.headers["x-should-retry"] == again
    assert 0 < int(refused.value.response.headers["retry-after"]) <= (60 if window is Window.MINUTE else 86_400)


def test_a_call_whose_process_died_is_entered_once_as_presumed_billed(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    grant = bank.grant()
    died_at = SystemClock().now() - 120_000_000_000
    upper = budgets.Amount(500, Decimal("1.5"))
    with bank.database.transaction(bank.tenant) as transaction:
        budgets.reserve(
            transaction,
            grant,
            id="call-died",
            model=MODEL,
            upper=upper,
            now=died_at,
            lifetime=timedelta(seconds=1),
            sent=True,
        )
    for _ in range(2):
        client.responses.create(model=MODEL, input="x", max_output_tokens=50)
    (entry,) = (entry for entry in bank.entries() if entry.action == "gateway.presumed")
    assert (entry.subject, entry.actor) == ("call-died", "service:gateway")
    assert entry.detail == {
        "grant": grant.id,
        "model": MODEL,
        "outcome": "presumed_billed",
        "tokens_presumed": 500,
        "yen_presumed": "1.5",
    }


def test_a_reservation_bears_the_id_of_its_call(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    grant = bank.grant()
    client.responses.create(model=MODEL, input="x", max_output_tokens=50)
    with bank.database.snapshot(bank.tenant) as snapshot:
        (made,) = budgets.reservations(snapshot, grant.id)
    assert {entry.subject for entry in bank.entries() if entry.action.startswith("gateway.")} == {made.id}
