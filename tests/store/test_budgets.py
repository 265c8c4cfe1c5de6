"""Budgets: whatever interleaves and wherever a process dies, never above, nothing lost, nothing twice."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from sakimori.core import Nanos
from sakimori.records import Budget, DataClass, Grant, Reservation, ReservationState
from sakimori.store import Database, StoreError, budgets, vault
from sakimori.store.budgets import Amount, BudgetExceeded

SECOND = 1_000_000_000
LIFETIME = timedelta(seconds=60)


def grant(tokens: int = 1_000, yen: int = 100) -> Grant:
    return Grant(
        id="gr-1",
        tenant="aozora",
        models=("m",),
        purposes=("p",),
        data_classes=(DataClass.STRUCTURED,),
        budget=Budget(tokens=tokens, yen=Decimal(yen), window=timedelta(hours=1)),
        not_before=0,
        not_after=2**62,
    )


def hold(database: Database, under: Grant, tokens: int, yen: str = "1", now: Nanos = 0) -> Reservation:
    with database.transaction("aozora") as transaction:
        return budgets.reserve(
            transaction, under, model="m", upper=Amount(tokens, Decimal(yen)), now=now, lifetime=LIFETIME
        )


def booked(database: Database, now: Nanos = 0) -> Amount:
    with database.snapshot("aozora") as snapshot:
        return budgets.used(snapshot, grant(), now=now)


def test_a_bound_counts_until_it_is_settled(database: Database) -> None:
    made = hold(database, grant(), 900)
    with pytest.raises(BudgetExceeded) as refused:
        hold(database, grant(), 101)
    assert refused.value.free_at == 3600 * SECOND
    with database.transaction("aozora") as transaction:
        settled = budgets.settle(transaction, made.id, Amount(10, Decimal("0.123456")))
    assert not settled.overrun
    assert booked(database) == Amount(10, Decimal("0.123456"))
    hold(database, grant(), 990)


def test_money_is_a_limit_of_its_own(database: Database) -> None:
    hold(database, grant(), 1, "99.999999")
    with pytest.raises(BudgetExceeded):
        hold(database, grant(), 1, "0.0000011")
    hold(database, grant(), 1, "0.000001")


def test_settling_twice_changes_nothing(database: Database) -> None:
    made = hold(database, grant(), 100)
    for used in (Amount(50, Decimal(1)), Amount(70, Decimal(2))):
        with database.transaction("aozora") as transaction:
            settlement = budgets.settle(transaction, made.id, used)
    assert settlement.reservation.tokens == 50
    assert booked(database).tokens == 50


def test_what_a_dead_process_held_comes_back_at_expiry_and_a_late_answer_is_booked(database: Database) -> None:
    made = hold(database, grant(), 1_000)
    later = 61 * SECOND
    again = hold(database, grant(), 1_000, now=later)
    with database.transaction("aozora") as transaction:
        assert budgets.settle(transaction, made.id, Amount(7, Decimal(1))).overrun
        assert not budgets.settle(transaction, again.id, Amount(5, Decimal(1))).overrun
    assert booked(database, later).tokens == 12


def test_a_new_window_begins_empty(database: Database) -> None:
    hold(database, grant(), 1_000, now=3599 * SECOND)
    hold(database, grant(), 1_000, now=3600 * SECOND)


class Books(RuleBasedStateMachine):
    """Reservations, settlements and time in any order, against a model that only adds up."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database.embedded(Path(self.folder.name))
        self.now = 0
        self.model: dict[str, tuple[int, Nanos, str]] = {}

    @rule(target=held, tokens=st.integers(0, 700))
    def reserve(self, tokens: int) -> str:
        self._expire()
        total = sum(amount for amount, _, state in self.model.values() if state != "expired")
        try:
            made = hold(self.database, grant(), tokens, "0", now=self.now)
        except BudgetExceeded:
            assert total + tokens > 1_000
            return ""
        assert total + tokens <= 1_000
        self.model[made.id] = (tokens, made.expires_at, "held")
        return made.id

    @rule(id=consumes(held), share=st.floats(0, 1))
    def settle(self, id: str, share: float) -> None:
        if id:
            used = int(self.model[id][0] * share)
            with self.database.transaction("aozora") as transaction:
                budgets.settle(transaction, id, Amount(used, Decimal(0)))
            self.model[id] = (used, 2**62, "settled")

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @invariant()
    def books_are_the_sum_of_reservations(self) -> None:
        with self.database.snapshot("aozora") as snapshot:
            rows = budgets.reservations(snapshot, "gr-1")
        counted = sum(row.tokens for row in rows if row.state is not ReservationState.EXPIRED)
        assert booked(self.database).tokens == counted

    def _expire(self) -> None:
        for id, (tokens, until, state) in self.model.items():
            if state == "held" and until <= self.now:
                self.model[id] = (tokens, until, "expired")

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

WORKER = """
import random, sys
from datetime import timedelta
from decimal import Decimal
from sakimori.core import SystemClock
from sakimori.records import Grant
from sakimori.store import Database, budgets
from sakimori.store.budgets import Amount, BudgetExceeded

database = Database.open(sys.argv[1])
clock, seed = SystemClock(), random.Random(int(sys.argv[2]))
with database.snapshot("aozora") as snapshot:
    grant = snapshot.get(Grant, "gr-1")
print("ready", flush=True)
for _ in range(int(sys.argv[3])):
    bound = seed.randrange(1, 200)
    try:
        with database.transaction("aozora") as transaction:
            made = budgets.reserve(transaction, grant, model="m", upper=Amount(bound, Decimal(1)),
                                   now=clock.now(), lifetime=timedelta(seconds=1))
    except BudgetExceeded:
        continue
    with database.transaction("aozora") as transaction:
        budgets.settle(transaction, made.id, Amount(seed.randrange(bound), Decimal(0)))
"""


def test_two_processes_one_of_them_killed(database: Database, database_url: str) -> None:
    """At every moment books are the sum of reservations and within the budget; nothing is stuck after expiry."""
    under = grant(tokens=3_000, yen=10_000)
    with database.transaction("aozora") as transaction:
        transaction.put(under)
    seed = random.Random(7)
    for round in range(2):
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, database_url, str(round * 2 + n), "150"], stdout=subprocess.PIPE
            )
            for n in range(2)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        time.sleep(seed.uniform(0.02, 0.2))
        os.kill(processes[0].pid, signal.SIGKILL)
        while processes[1].poll() is None:
            _check(database, under)
            time.sleep(0.02)
        for process in processes:
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        assert processes[1].returncode == 0
        _check(database, under)
    time.sleep(1.1)
    with database.transaction("aozora") as transaction:
        budgets.expire(transaction, now=time.time_ns())
        states = {made.state for made in budgets.reservations(transaction, under.id)}
    assert ReservationState.HELD not in states
    _check(database, under)


def _check(database: Database, under: Grant) -> None:
    with database.snapshot("aozora") as snapshot:
        rows = budgets.reservations(snapshot, under.id)
        windows = {budgets.window_start(under.budget, row.made_at) for row in rows}
        for start in windows:
            total = budgets.used(snapshot, under, now=start).tokens
            assert total <= under.budget.tokens
            counted = [
                row.tokens
                for row in rows
                if row.state is not ReservationState.EXPIRED
                and budgets.window_start(under.budget, row.made_at) == start
            ]
            assert total == sum(counted)


KEY = b"v" * 32


def test_the_vault_gives_back_what_tokens_stand_for_and_shows_it_to_nobody(database: Database, tmp_path: Path) -> None:
    with database.transaction("aozora") as transaction:
        assert vault.keep(transaction, KEY, {"HOST_0AAAAAAAAA00": "pc-0412\ud800"}) == set()
    with database.snapshot("aozora") as snapshot:
        assert vault.reveal(snapshot, KEY, "HOST_0AAAAAAAAA00") == "pc-0412\ud800"
        assert vault.reveal(snapshot, KEY, "HOST_0BBBBBBBBB00") is None
        with pytest.raises(StoreError, match="cannot be opened"):
            vault.reveal(snapshot, b"w" * 32, "HOST_0AAAAAAAAA00")
    with database.snapshot("other") as snapshot:
        assert vault.reveal(snapshot, KEY, "HOST_0AAAAAAAAA00") is None
    database.close()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"pc-0412" in path.read_bytes()]


def test_a_token_keeps_the_value_it_first_had(database: Database) -> None:
    with database.transaction("aozora") as transaction:
        vault.keep(transaction, KEY, {"A": "1"})
        assert vault.keep(transaction, KEY, {"A": "2", "B": "3"}) == {"A"}
        assert vault.keep(transaction, KEY, {"A": "1", "B": "3"}) == set()
        assert vault.reveal(transaction, KEY, "A") == "1"
