"""A provider's oversight becomes ledger entries and findings: each thing once, whatever happens on the way."""

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.resources.safety import Alerts, Cases
from openai.types import webhooks
from openai.types.admin.organization import AuditLogListResponse
from openai.types.safety import SafetyAlert, SafetyCase
from tests.gateway.oversight.scripted_admin import ADMIN_KEY, KEY, Admin, alert, case, entry, serving

from sakimori.access.secrets import Secrets
from sakimori.core import ManualClock
from sakimori.gateway.oversight import Api, Oversight, OversightError, Scope
from sakimori.gateway.oversight.observed import Kind
from sakimori.gateway.oversight.watch import OversightUnavailable
from sakimori.gateway.oversight.webhook import ANNOUNCED
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import Finding, LedgerEntry, Severity
from sakimori.store import Database, Transaction

SECOND = 1_000_000_000
NOW = 1_790_000_000
BANK = "あおぞら銀行"


@dataclass
class World:
    database: Database
    ledger: Ledger
    admin: Admin
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW * SECOND))
    late: int = 24 * 3_600
    dies: bool = False

    @property
    def oversight(self) -> Oversight:
        """A new one each time, as after a restart."""
        return Oversight(self.database, self.ledger, BANK, keep=self.keep, clock=self.clock, late=self.late)

    def keep(self, transaction: Transaction, findings: list[Finding]) -> None:
        transaction.put(*findings)
        if self.dies:
            raise KeyboardInterrupt

    def look(self, scope: Scope = Scope.ORGANIZATION, *, fetches: bool = True) -> tuple[int, int]:
        async def looking() -> tuple[int, int]:
            async with Api(self.admin.url, admin_key=ADMIN_KEY, key=KEY if fetches else None) as api:
                return await self.oversight.read_audit_log(api, scope), await self.oversight.fetch_announced(api)

        return asyncio.run(looking())

    def findings(self) -> list[Finding]:
        with self.database.snapshot(BANK) as snapshot:
            return snapshot.all(Finding)

    def entries(self) -> list[LedgerEntry]:
        with self.database.snapshot(BANK) as snapshot:
            assert self.ledger.verify(snapshot).ok
            return [line.entry for line in self.ledger.lines(snapshot)]

    def ids(self) -> list[str]:
        """What the ledger knows of, and the findings agree."""
        entries = self.entries()
        assert sorted(entry.subject for entry in entries) == sorted(finding.id for finding in self.findings())
        return sorted(entry.detail["id"] for entry in entries)


@pytest.fixture
def admin() -> Iterator[Admin]:
    with serving() as made:
        yield made


@pytest.fixture
def world(database: Database, tmp_path: Path, admin: Admin) -> World:
    return World(database, Ledger(LocalSigner(Secrets.embedded(tmp_path / "secrets"))), admin)


def test_the_scripted_api_speaks_as_the_sdk_reads() -> None:
    assert AuditLogListResponse.model_validate(entry("audit_1", NOW), strict=True).actor
    assert SafetyAlert.model_validate(alert("sa_1", NOW), strict=True).request_paused
    assert SafetyCase.model_validate(case("sc_1", NOW), strict=True).notice.type == "warning"


def test_each_entry_of_the_audit_log_is_entered_once(world: World) -> None:
    world.admin.log = [entry(f"audit_{n}", NOW - n) for n in range(5)]
    assert world.look() == (5, 0)
    assert world.look() == (0, 0)
    assert world.ids() == [f"audit_{n}" for n in range(5)]
    finding = world.findings()[-1]
    assert (finding.rule_id, finding.severity, finding.product) == (
        "openai.audit.api_key.created",
        Severity.MEDIUM,
        "OpenAI",
    )
    assert finding.first_time == NOW * SECOND
    assert {str(entity) for entity in finding.entities} == {"user:sato", "ip:203.0.113.9"}
    assert "監査ログ" in finding.title_ja
    written = world.entries()[0]
    assert (written.action, written.actor) == ("oversight.audit", "service:oversight")
    assert written.detail["user"] == "user-1"
    assert "sato@" not in repr(written)


def test_what_comes_late_twice_or_out_of_order_is_entered_once(world: World) -> None:
    world.admin.log = [entry("b", NOW - 10)]
    world.look()
    world.admin.log = [entry("c", NOW), entry("a", NOW - 3_000), entry("b", NOW - 10), entry("c", NOW)]
    assert world.look() == (2, 0)
    random.Random(3).shuffle(world.admin.log)
    assert world.look() == (0, 0)
    assert world.ids() == ["a", "b", "c"]


@given(
    late=st.integers(2, 48),
    told=st.lists(st.tuples(st.integers(0, 10 * 3_600), st.integers(0, 48 * 3_600)), max_size=12),
    looks=st.lists(st.integers(30, 5 * 3_600), min_size=1, max_size=25),
)
@settings(max_examples=60, deadline=None)
def test_whatever_comes_within_the_stated_delay_is_entered(
    late: int, told: list[tuple[int, int]], looks: list[int]
) -> None:
    """Entries that take effect at some time and turn up up to so much later, between looks at any distance."""
    hours = 3_600
    happened = [(NOW + at, NOW + at + min(after, late * hours)) for at, after in told]
    with TemporaryDirectory() as home, serving() as admin:
        database = Database.embedded(Path(home))
        world = World(database, Ledger(LocalSigner(Secrets.embedded(Path(home)))), admin, late=late * hours)
        at = NOW
        for passed in [*looks, hours, 60 * hours]:
            at += passed
            world.clock.set(at * SECOND)
            admin.log = [entry(f"a{n}", effect) for n, (effect, seen) in enumerate(happened) if seen <= at]
            world.look()
        assert len(world.findings()) == len(happened)
        database.close()


def test_what_may_still_come_is_looked_through_once_an_hour(world: World) -> None:
    world.late = 24 * 3_600
    since: list[int] = []
    for passed in (0, 60, 60, 3_600, 60):
        world.clock.set(world.clock.now() + passed * SECOND)
        world.admin.log.append(entry(f"at {passed}", world.clock.now() // SECOND))
        world.look()
        since.append((world.clock.now() // SECOND - int(world.admin.asked[-1].query["effective_at[gte]"])) // 3_600)
    assert since == [7 * 24, 1, 1, 25, 1]


def test_what_the_organisation_belongs_to_is_listed_apart_and_read_as_far_as_it_goes(world: World) -> None:
    world.admin.log = [entry("a", NOW)]
    world.admin.tenant_log = [entry("t", NOW - 5_000, "tenant.admin_api_key.created")]
    assert (world.look(), world.look(Scope.TENANT)) == ((1, 0), (1, 0))
    # That the one was read so far says nothing of the other.
    world.clock.set((NOW + 60) * SECOND)
    world.admin.tenant_log.append(entry("u", NOW - 8_000, "tenant.policy.deleted"))
    assert (world.look(), world.look(Scope.TENANT)) == ((0, 0), (1, 0))
    assert world.ids() == ["a", "t", "u"]
    assert "tenant_only" not in world.admin.asked[0].query


def test_safety_cases_and_alerts_are_still_listed_to_nobody() -> None:
    """Where the SDK can list them one day, the watch must ask for them, and wait for no announcement any more."""
    for resource in (Alerts, Cases):
        assert {name for name in vars(resource) if not name.startswith(("_", "with_"))} == {"retrieve"}


def test_every_webhook_about_safety_that_the_sdk_knows_is_taken_in() -> None:
    events = [event for name, event in vars(webhooks).items() if name.startswith("Safety")]
    kinds = {get_args(event.model_fields["type"].annotation)[0] for event in events}
    assert kinds == {*ANNOUNCED, "safety_identifier.blocked"}


def test_a_page_that_breaks_off_is_read_again_and_nothing_is_skipped(world: World) -> None:
    """Pages come newest first: had the newest moved the position, the rest would be lost."""
    world.admin.log = [entry(f"audit_{n}", NOW - 2 * 3_600 * n) for n in range(6)]
    world.admin.fail_at = 1
    with pytest.raises(OversightError, match="HTTP 500"):
        world.look()
    assert world.ids() == ["audit_0", "audit_1"]
    assert world.look() == (4, 0)


def test_a_death_before_the_commit_leaves_nothing_half_kept(world: World) -> None:
    world.admin.log = [entry("a", NOW)]
    world.dies = True
    with pytest.raises(KeyboardInterrupt):
        world.look()
    assert world.ids() == []
    world.dies = False
    assert world.look() == (1, 0)


def test_an_entry_from_a_clock_ahead_hides_none_that_comes_after(world: World) -> None:
    world.admin.log = [entry("future", NOW + 10**6)]
    world.look()
    world.admin.log.append(entry("a", NOW - 5))
    assert world.look() == (1, 0)


@pytest.mark.parametrize(
    "odd",
    [
        7,
        "text",
        None,
        {},
        {"id": "a\u202e", "effective_at": NOW, "type": "login.failed"},
        {"id": "a", "effective_at": "soon", "type": "login.failed"},
        {"id": "a", "effective_at": 10**30, "type": "x"},
        {"id": "a", "effective_at": NOW, "type": "DROP TABLE 山田"},
        {"id": ["a"], "effective_at": True, "type": {}, "actor": [], "project": 3},
    ],
)
def test_what_cannot_be_read_is_entered_as_that(world: World, odd: object) -> None:
    world.admin.page = 9
    world.admin.log = [odd, entry("b", NOW)]
    assert world.look() == (2, 0)
    assert world.look() == (0, 0)
    (found,) = [finding for finding in world.findings() if "unreadable" in finding.rule_id]
    assert found.severity is Severity.MEDIUM
    assert "山田" not in repr(world.entries())


def test_alerts_and_cases_are_fetched_once_they_were_announced(world: World) -> None:
    world.admin.things = {
        "safety/alerts/sa_1": alert("sa_1", NOW - 60),
        "safety/cases/sc_1": case("sc_1", NOW - 50, "deactivation"),
    }
    for _ in range(2):
        world.oversight.announced(Kind.ALERT, "sa_1")
        world.oversight.announced(Kind.CASE, "sc_1")
    assert world.look() == (0, 2)
    assert world.look() == (0, 0)
    assert {finding.rule_id: finding.severity.label for finding in world.findings()} == {
        "openai.alert.potentially_unintended_destructive_activity": "critical",
        "openai.case.deactivation": "critical",
    }
    told = {entry.action: entry.detail for entry in world.entries()}
    assert told["oversight.alert"]["request"] == "req_1"
    assert told["oversight.alert"]["request_paused"] == "true"
    assert told["oversight.case"]["safety_identifier"] == "a" * 64
    assert "山田" not in repr(told)


def test_what_was_announced_too_early_is_fetched_later_and_never_forgotten(world: World) -> None:
    world.oversight.announced(Kind.ALERT, "sa_1")
    world.oversight.announced(Kind.ALERT, "sa_2")
    assert world.look() == (0, 0)
    world.admin.things = {"safety/alerts/sa_1": alert("sa_1", NOW)}
    assert world.look() == (0, 1)
    world.clock.set((NOW + 86_401) * SECOND)
    assert world.look() == (0, 1)
    assert {finding.rule_id for finding in world.findings()} == {
        "openai.alert.potentially_unintended_destructive_activity",
        "openai.alert.not_available",
    }


def test_without_a_key_what_was_announced_is_entered_as_it_was(world: World) -> None:
    world.oversight.announced(Kind.CASE, "sc_1")
    assert world.look(fetches=False) == (0, 1)
    assert world.findings()[0].rule_id == "openai.case.not_available"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b"", "invalid"),
        (200, b"[]", "invalid"),
        (200, b'{"data": {}}', "invalid"),
        (200, b'{"data": [], "has_more"', "invalid"),
        (200, b"[" * 10_000, "invalid"),
        (200, b'"' + b"x" * (17 << 20) + b'"', "invalid"),
        (302, b"", "failed"),
        (401, b"", "denied"),
        (403, b"", "denied"),
        (404, b"", "invalid"),
        (429, b"", "rate_limited"),
        (500, b"", "failed"),
    ],
)
def test_a_provider_that_answers_otherwise_is_an_error_of_one_sentence(
    world: World, status: int, body: bytes, code: str
) -> None:
    world.admin.status, world.admin.body, world.admin.headers = status, body, {"retry-after": "17"}
    with pytest.raises(OversightError) as failed:
        world.look()
    assert failed.value.code == code
    assert ADMIN_KEY not in str(failed.value)
    assert failed.value.retry_after == (17 if status in (302, 429, 500) else None)


def test_pages_that_go_round_are_noticed(world: World) -> None:
    world.admin.body = b'{"data": [], "has_more": true, "last_id": "x"}'
    with pytest.raises(OversightError, match="the same page"):
        world.look()


def told(caplog: pytest.LogCaptureFixture) -> list[OversightUnavailable]:
    events: list[object] = [record.msg for record in caplog.records]
    return [event for event in events if isinstance(event, OversightUnavailable)]


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if holds():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it did not come to that")


def test_the_watch_goes_on_after_failures_and_less_often(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.admin.status = 500
    world.oversight.announced(Kind.ALERT, "sa_1")

    async def watching() -> None:
        stop = asyncio.Event()
        async with Api(world.admin.url, admin_key=ADMIN_KEY, key=KEY) as api, asyncio.TaskGroup() as group:
            group.create_task(world.oversight.watch(api, list(Scope), every=0.01, stop=stop))
            await until(lambda: len(told(caplog)) >= 4)
            world.admin.status = 200
            world.admin.log = [entry("a", NOW)]
            world.admin.tenant_log = [entry("t", NOW, "tenant.sso_connection.deleted")]
            world.admin.things = {"safety/alerts/sa_1": alert("sa_1", NOW)}
            await until(lambda: len(world.findings()) == 3)
            stop.set()

    asyncio.run(asyncio.wait_for(watching(), 20))
    waits = [event.retry_seconds for event in told(caplog) if event.feed == "audit_log_organization"]
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(0.02)
    assert world.ids() == ["a", "sa_1", "t"]
