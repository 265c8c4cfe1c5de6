"""Budgets: whatever interleaves and wherever a process dies, never above, nothing lost, nothing twice."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from tests.postgres_cluster import Cluster

from sakimori.core import Nanos
from sakimori.records import DataClass, Grant, GrantState, Limit, Reservation, ReservationState, Window
from sakimori.store import Database, budget_rows, budgets, usage
from sakimori.store.budgets import Amount, Booked, BudgetExceeded

SECOND = 1_000_000_000
LIFETIME = timedelta(seconds=90)
DAY = Limit(window=Window.DAY, tokens=1_000, yen=Decimal(100))


def at(text: str) -> Nanos:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


NOON = at("2026-12-31T12:00:10")


def grant(*limits: Limit, concurrency: int | None = None, state: GrantState = GrantState.READY) -> Grant:
    return Grant(
        id="gr-1",
        tenant="aozora",
        state=state,
        models=("m",),
        purposes=("p",),
        data_classes=(DataClass.STRUCTURED,),
        limits=limits or (DAY,),
        concurrency=concurrency,
        not_before=0,
        not_after=2**62,
    )


def hold(
    database: Database, under: Grant, tokens: int, yen: str = "1", now: Nanos = NOON, *, sent: bool = False
) -> Reservation:
    upper = Amount(tokens, Decimal(yen))
    with database.transaction("aozora") as transaction:
        return budgets.reserve(transaction, under, model="m", upper=upper, now=now, lifetime=LIFETIME, sent=sent)


def settle(database: Database, made: Reservation, tokens: int, yen: str = "1") -> budgets.Settlement:
    with database.transaction("aozora") as transaction:
        return budgets.settle(transaction, made.id, Amount(tokens, Decimal(yen)))


def sweep(database: Database, now: Nanos) -> int:
    with database.transaction("aozora") as transaction:
        return budgets.expire(transaction, now=now)


def presumed(database: Database) -> list[tuple[str, int, Decimal]]:
    with database.snapshot("aozora") as snapshot:
        found = usage.between(snapshot, date(2026, 12, 31), date(2026, 12, 31))
    return [(used.code, used.calls, used.yen) for used in found]


def booked(database: Database, window: Window = Window.DAY, now: Nanos = NOON) -> Booked:
    with database.snapshot("aozora") as snapshot:
        return budgets.used(snapshot, "gr-1", window, now=now)


def test_a_bound_counts_until_it_is_settled(database: Database) -> None:
    made = hold(database, grant(), 900)
    with pytest.raises(BudgetExceeded, match="allows 1000 tokens per day and has 100 tokens left until 2027-01-01"):
        hold(database, grant(), 101)
    assert not settle(database, made, 10, "0.123456").overrun
    assert booked(database) == Booked(1, 10, Decimal("0.123456"))
    hold(database, grant(), 990)


def test_what_is_read_of_budgets_is_of_one_moment(database: Database) -> None:
    """Whichever way the statements of a snapshot take: what others commit meanwhile is not seen."""
    hold(database, grant(), 100)
    with database.snapshot("aozora") as snapshot:
        before = budgets.used(snapshot, "gr-1", Window.DAY, now=NOON)
        hold(database, grant(), 100)
        assert budgets.used(snapshot, "gr-1", Window.DAY, now=NOON) == before
        assert len(budgets.reservations(snapshot, "gr-1")) == 1


def test_money_is_a_limit_of_its_own(database: Database) -> None:
    hold(database, grant(), 1, "99.999999")
    with pytest.raises(BudgetExceeded):
        hold(database, grant(), 1, "0.0000011")
    hold(database, grant(), 1, "0.000001")


@pytest.mark.parametrize(
    ("limit", "free"),
    [
        (Limit(window=Window.MINUTE, requests=1), "2026-12-31T12:01:00"),
        (Limit(window=Window.DAY, requests=1), "2027-01-01T00:00:00"),
        (Limit(window=Window.MONTH, requests=1), "2027-01-01T00:00:00"),
        (Limit(window=Window.MINUTE, yen=Decimal("1.5")), "2026-12-31T12:01:00"),
        (Limit(window=Window.MONTH, tokens=19), "2027-01-01T00:00:00"),
    ],
)
def test_each_limit_holds_and_frees_when_its_window_ends(database: Database, limit: Limit, free: str) -> None:
    loose = tuple(Limit(window=window, requests=9) for window in Window if window is not limit.window)
    under = grant(limit, *loose)
    hold(database, under, 10)
    with pytest.raises(BudgetExceeded, match=f"per {limit.window}") as refused:
        hold(database, under, 10)
    assert refused.value.free_at == at(free)
    hold(database, under, 10, now=at(free))


def test_a_month_is_one_of_the_calendar(database: Database) -> None:
    under = grant(Limit(window=Window.MONTH, requests=1))
    for moment in ("2027-02-28T23:59:59", "2027-03-01T00:00:00", "2028-02-29T12:00:00"):
        hold(database, under, 1, now=at(moment))
    with pytest.raises(BudgetExceeded) as refused:
        hold(database, under, 1, now=at("2028-02-01T00:00:00"))
    assert refused.value.free_at == at("2028-03-01T00:00:00")


def test_of_several_full_limits_the_one_that_frees_last_is_named(database: Database) -> None:
    under = grant(Limit(window=Window.MINUTE, requests=1), Limit(window=Window.DAY, tokens=10))
    hold(database, under, 10)
    with pytest.raises(BudgetExceeded, match="tokens per day"):
        hold(database, under, 1)


def test_a_call_that_no_window_can_hold_is_told_so(database: Database) -> None:
    with pytest.raises(BudgetExceeded, match="1000 tokens per day and the call could use 1001 tokens: lower its"):
        hold(database, grant(), 1_001)


def test_a_limit_that_is_set_later_knows_what_was_used_before(database: Database) -> None:
    hold(database, grant(), 600)
    with pytest.raises(BudgetExceeded, match="per month"):
        hold(database, grant(DAY, Limit(window=Window.MONTH, tokens=900)), 400)


def test_concurrency_counts_what_is_under_way(database: Database) -> None:
    under = grant(concurrency=2)
    first, _ = hold(database, under, 1), hold(database, under, 1, sent=True)
    with pytest.raises(BudgetExceeded, match="2 calls at a time") as refused:
        hold(database, under, 1)
    assert refused.value.free_at == NOON + SECOND
    settle(database, first, 1)
    hold(database, under, 1)
    hold(database, under, 1, now=NOON + 91 * SECOND)


def test_a_grant_that_is_not_proved_takes_one_call_at_a_time(database: Database) -> None:
    under = grant(state=GrantState.PROVISIONED, concurrency=9)
    first = hold(database, under, 1)
    with pytest.raises(BudgetExceeded, match="one call at a time until one was answered"):
        hold(database, under, 1)
    settle(database, first, 1)
    hold(database, under, 1)


def test_settling_twice_changes_nothing(database: Database) -> None:
    made = hold(database, grant(), 100)
    settle(database, made, 50)
    assert settle(database, made, 70, "2").reservation.tokens == 50
    assert booked(database) == Booked(1, 50, Decimal(1))


def test_what_never_left_comes_back_at_expiry_and_a_late_answer_is_booked(database: Database) -> None:
    made = hold(database, grant(), 1_000)
    again = hold(database, grant(), 1_000, now=NOON + 91 * SECOND)
    assert settle(database, made, 7).overrun
    assert not settle(database, again, 5).overrun
    assert booked(database) == Booked(2, 12, Decimal(2))


def test_what_may_have_been_billed_stays_booked_until_it_is_known_better(database: Database) -> None:
    made = hold(database, grant(), 1_000)
    with database.transaction("aozora") as transaction:
        budgets.mark_sent(transaction, made.id)
    assert sweep(database, NOON + 91 * SECOND) == 1
    assert sweep(database, NOON + 91 * SECOND) == 0
    assert booked(database).tokens == 1_000
    with pytest.raises(BudgetExceeded):
        hold(database, grant(), 1, now=NOON + 91 * SECOND)
    assert presumed(database) == [("presumed_billed", 1, Decimal(1))]
    assert not settle(database, made, 7).overrun
    assert booked(database) == Booked(1, 7, Decimal(1))
    assert presumed(database) == [("presumed_billed", 0, Decimal(0))]


def test_trying_again_needs_as_much_more(database: Database) -> None:
    """The first attempt may be billed as well: both bounds count, as one request, where the call counts."""
    under = grant(DAY, Limit(window=Window.MINUTE, requests=1))
    made = hold(database, under, 400, "10", sent=True)

    def more(tokens: int, now: Nanos) -> Reservation:
        amount = Amount(tokens, Decimal(10))
        with database.transaction("aozora") as transaction:
            return budgets.extend(transaction, under, made.id, more=amount, now=now, lifetime=LIFETIME)

    later = NOON + 60 * SECOND
    assert more(400, later).tokens == 800
    with pytest.raises(BudgetExceeded, match="200 tokens left"):
        more(400, later)
    assert sweep(database, NOON + 91 * SECOND) == 0
    assert booked(database) == Booked(1, 800, Decimal(20))
    assert not settle(database, made, 800, "20").overrun
    with pytest.raises(BudgetExceeded, match="is over"):
        more(1, later)


def test_nobody_extends_or_settles_what_was_never_reserved(database: Database) -> None:
    with database.transaction("aozora") as transaction:
        with pytest.raises(KeyError):
            budgets.settle(transaction, "rv-1", Amount(1, Decimal(1)))
        with pytest.raises(KeyError):
            budgets.extend(transaction, grant(), "rv-1", more=Amount(1, Decimal(1)), now=NOON, lifetime=LIFETIME)


def test_minutes_long_past_are_forgotten_and_days_are_not(database: Database) -> None:
    under = grant(Limit(window=Window.MINUTE, requests=5))
    first = hold(database, under, 1)
    for minutes in range(1, 120):
        settle(database, hold(database, under, 1, now=NOON + minutes * 60 * SECOND), 1)
    settle(database, first, 0)
    with database.snapshot("aozora") as snapshot:
        kept = snapshot.connection.execute(snapshot.rows(budget_rows.booked)).all()
    assert len(kept) == 61 + 2
    assert booked(database, now=NOON).tokens == 119
    assert min(row.tokens for row in kept) >= 0


@dataclass
class Entry:
    """What the model of the books knows of a call."""

    minute: int
    tokens: int
    until: Nanos
    state: str


class Books(RuleBasedStateMachine):
    """Reservations, retries, settlements, deaths and time in any order, against a model that only adds up."""

    held = Bundle("held")
    under = grant(
        Limit(window=Window.MINUTE, tokens=800, requests=4), Limit(window=Window.DAY, tokens=1_500), concurrency=3
    )
    start = at("2026-12-31T23:57:00")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database.open(self.url())
        self.now = self.start
        self.model: dict[str, Entry] = {}

    def url(self) -> str:
        return f"sqlite:///{self.folder.name}/sakimori.db"

    def sums(self, same: Callable[[int], bool]) -> tuple[int, int]:
        counted = [one for one in self.model.values() if one.state != "expired" and same(one.minute)]
        return len(counted), sum(one.tokens for one in counted)

    def fits(self, minute: int, tokens: int, requests: int) -> bool:
        calls, of_minute = self.sums(lambda other: other == minute)
        _, of_day = self.sums(lambda other: other // 1440 == minute // 1440)
        enough = (not tokens or of_minute + tokens <= 800) and (not tokens or of_day + tokens <= 1_500)
        running = sum(one.state in ("held", "sent") and one.until > self.now for one in self.model.values())
        return enough and (not requests or (calls + 1 <= 4 and running < 3))

    @rule(target=held, tokens=st.integers(0, 700), sent=st.booleans())
    def reserve(self, tokens: int, sent: bool) -> str:
        try:
            made = hold(self.database, self.under, tokens, "0", now=self.now, sent=sent)
        except BudgetExceeded:
            with self.as_swept():
                assert not self.fits(self.minute, tokens, 1)
            return ""
        if not self.fits(self.minute, tokens, 1):
            self.expire()
        assert self.fits(self.minute, tokens, 1)
        self.model[made.id] = Entry(self.minute, tokens, made.expires_at, "sent" if sent else "held")
        return made.id

    @rule(id=held, tokens=st.integers(0, 700))
    def try_again(self, id: str, tokens: int) -> None:
        if not id:
            return
        entry = self.model[id]
        more = Amount(tokens, Decimal(0))
        try:
            with self.database.transaction("aozora") as transaction:
                budgets.extend(transaction, self.under, id, more=more, now=self.now, lifetime=LIFETIME)
        except BudgetExceeded:
            with self.as_swept():
                assert entry.state not in ("held", "sent") or not self.fits(entry.minute, tokens, 0)
            return
        if not self.fits(entry.minute, tokens, 0):
            self.expire()
        assert entry.state in ("held", "sent")
        entry.tokens += tokens
        entry.until = self.now + 90 * SECOND

    @rule(id=held)
    def send(self, id: str) -> None:
        if id:
            with self.database.transaction("aozora") as transaction:
                budgets.mark_sent(transaction, id)
            if self.model[id].state == "held":
                self.model[id].state = "sent"

    @rule(id=consumes(held), share=st.floats(0, 1))
    def settle(self, id: str, share: float) -> None:
        if id:
            entry = self.model[id]
            used = int(entry.tokens * share)
            with self.database.transaction("aozora") as transaction:
                settlement = budgets.settle(transaction, id, Amount(used, Decimal(0)))
            assert settlement.overrun == (entry.state == "expired" and used > 0)
            entry.tokens, entry.state = used, "settled"

    @rule(seconds=st.integers(1, 60))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule()
    def sweep(self) -> None:
        sweep(self.database, self.now)
        self.expire()

    @property
    def minute(self) -> int:
        return self.now // (60 * SECOND)

    @invariant()
    def books_are_the_sum_of_reservations(self) -> None:
        with self.database.snapshot("aozora") as snapshot:
            rows = {row.id: row for row in budgets.reservations(snapshot, "gr-1")}
            of_minute = budgets.used(snapshot, "gr-1", Window.MINUTE, now=self.now)
            of_day = budgets.used(snapshot, "gr-1", Window.DAY, now=self.now)
            of_month = budgets.used(snapshot, "gr-1", Window.MONTH, now=self.now)
        assert {id: row.tokens for id, row in rows.items()} == {id: one.tokens for id, one in self.model.items()}
        for id, row in rows.items():
            entry = self.model[id]
            swept = self.swept(entry)
            assert row.state == entry.state or (row.state == swept and entry.until <= self.now)
            entry.state = row.state
        assert (of_minute.requests, of_minute.tokens) == self.sums(lambda other: other == self.minute)
        assert (of_day.requests, of_day.tokens) == self.sums(lambda other: other // 1440 == self.minute // 1440)
        first_of_january = at("2027-01-01T00:00:00") // (60 * SECOND)
        same = self.minute >= first_of_january
        assert of_month.tokens == self.sums(lambda other: (other >= first_of_january) == same)[1]

    def expire(self) -> None:
        """What a sweep does."""
        for entry in self.model.values():
            if entry.until <= self.now:
                entry.state = self.swept(entry)

    @contextmanager
    def as_swept(self) -> Generator[None]:
        """What is refused was swept for, and that was taken back with it."""
        before = {id: entry.state for id, entry in self.model.items()}
        self.expire()
        yield
        for id, state in before.items():
            self.model[id].state = state

    def swept(self, entry: Entry) -> str:
        return {"held": "expired", "sent": "presumed"}.get(entry.state, entry.state)

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.services
def test_books_on_a_server(cluster: Cluster) -> None:
    class OnServer(Books):
        def url(self) -> str:
            return cluster.url(cluster.emptied())

    case = OnServer.TestCase
    case.settings = settings(
        max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    case("runTest").debug()


WORKER = """
import random, sys
from datetime import timedelta
from decimal import Decimal
from sakimori.core import SystemClock
from sakimori.records import Grant
from sakimori.store import Database, budget_rows, budgets
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
                                   now=clock.now(), lifetime=timedelta(seconds=1), sent=bool(seed.randrange(2)))
    except BudgetExceeded:
        continue
    with database.transaction("aozora") as transaction:
        budgets.settle(transaction, made.id, Amount(seed.randrange(bound), Decimal(0)))
"""


def test_two_processes_one_of_them_killed(database: Database, database_url: str) -> None:
    """At every moment books are the sum of reservations and within the budget; nothing is stuck after expiry."""
    under = grant(Limit(window=Window.MONTH, tokens=3_000, yen=Decimal(10_000)))
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
    assert not states & {ReservationState.HELD, ReservationState.SENT}
    _check(database, under)


def _check(database: Database, under: Grant) -> None:
    with database.snapshot("aozora") as snapshot:
        kept = snapshot.connection.execute(snapshot.rows(budget_rows.booked)).all()
        rows = budgets.reservations(snapshot, under.id)
    total = sum(row.tokens for row in kept if len(row.period) == len("2026-12"))
    assert total == sum(row.tokens for row in rows if row.state is not ReservationState.EXPIRED)
    assert max((row.tokens for row in kept), default=0) <= 3_000
