"""The live defence: telemetry in; incidents, verdicts and kept evidence out, whatever a model or a log file does."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families
from tests.service.conftest import DUMP, ENCODED, HARMLESS, NOW, line

from sakimori.cli.events import events
from sakimori.collect import Follower
from sakimori.core import ManualClock, parse_rfc3339
from sakimori.detect import SigmaDetector
from sakimori.investigate import Case, InvestigationFailed, Investigator, OfflineInvestigator
from sakimori.observe import metrics
from sakimori.records import (
    Command,
    Criticality,
    Disposition,
    Finding,
    HostAsset,
    Incident,
    Inventory,
    Plan,
    Ruling,
    Source,
    Verdict,
)
from sakimori.respond import ResponsePolicy, load_playbooks
from sakimori.service import Defence, Development, Installation, Means
from sakimori.store import evidence

_MINUTE = 60 * 10**9
_HOUR = 60 * _MINUTE
_HOST = "ws-01.bank.example"


class _Unanswering:
    """A model that never comes to a verdict."""

    def __init__(self) -> None:
        self.asked = 0

    async def investigate(self, case: Case) -> Verdict:
        self.asked += 1
        raise InvestigationFailed("the provider did not answer")


class _Post:
    """A defence of one host, which follows one log and can contain nothing itself."""

    def __init__(
        self, install: Installation, clock: ManualClock, detector: SigmaDetector, log: Path, model: Investigator | None
    ) -> None:
        host = HostAsset(
            name=_HOST,
            role="workstation",
            criticality=Criticality.NORMAL,
            address="192.0.2.1",
            users=("tanaka",),
            services=(),
        )
        means = Means(
            detector=detector,
            offline=OfflineInvestigator(clock),
            model=model,
            inventory=Inventory(tenant=install.tenant, taken_at=NOW, hosts=(host,), accounts=()),
            playbooks=load_playbooks(),
            connectors=(),
            policy=ResponsePolicy(),
        )
        self.log = log
        self._clock = clock
        self.defence = Defence(install, means, holder="holder")
        self._follower = Follower(log, install.tenant, clock=clock)

    def hear(self, *lines: bytes) -> Development:
        """What a minute brings."""
        self._clock.set(self._clock.now() + _MINUTE)
        with self.log.open("ab") as file:
            file.writelines(lines)
        return asyncio.run(self.defence.take_in(self._follower.poll()))


@pytest.fixture
def model() -> _Unanswering:
    return _Unanswering()


@pytest.fixture
def post(
    install: Installation, clock: ManualClock, detector: SigmaDetector, tmp_path: Path, model: _Unanswering
) -> _Post:
    return _Post(install, clock, detector, tmp_path / "sysmon.ndjson", model)


def test_a_story_grows_by_rounds_and_is_kept_as_it_stands(install: Installation, post: _Post) -> None:
    assert post.hear(line(1, HARMLESS)) == Development()
    (begun,) = post.hear(line(2, ENCODED)).incidents
    assert post.hear() == Development()
    (grown,) = post.hear(line(3, DUMP), b"{broken\n").incidents
    assert (begun.id, len(begun.finding_ids), len(grown.finding_ids)) == (grown.id, 1, 2)
    reading = post.defence.reading
    assert (reading.evaluated, reading.rejected, reading.read) == (3, 1, 4)
    with install.database.snapshot(install.tenant) as snapshot:
        assert snapshot.all(Incident) == [grown] == post.defence.incidents
        assert {finding.id for finding in snapshot.all(Finding)} == set(grown.finding_ids)
        verdicts = snapshot.all(Verdict)
        actions = [item.entry.action for item in install.ledger.lines(snapshot) if item.entry]
    assert {verdict.incident_id for verdict in verdicts} == {grown.id}
    assert actions.count("detection.found") == 2
    assert actions.count("verdict.made") == len(verdicts)


def test_evidence_of_live_findings_is_shown_though_the_log_is_gone(
    install: Installation, post: _Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAKIMORI_HOME", str(install.settings.home))
    monkeypatch.setenv("SAKIMORI_TENANT", install.tenant)
    raws = [line(1, ENCODED), line(2, DUMP)]
    post.hear(line(0, HARMLESS))
    ids = [post.hear(raw).findings[0].event_ids[0] for raw in raws]
    assert [_shown(id) for id in ids] == [raw.rstrip() for raw in raws]
    with install.database.snapshot(install.tenant) as snapshot:
        starts = {source.start for source in snapshot.all(Source)}
        assert [evidence.get_raw(snapshot, id) for id in ids] == [raw.rstrip() for raw in raws]
    assert len(starts) == 2  # a piece in which nothing was found is not kept
    post.log.unlink()
    assert [_shown(id) for id in ids] == [raw.rstrip() for raw in raws]


def _shown(event_id: str) -> bytes:
    return CliRunner().invoke(events, ["show", event_id, "--raw"]).stdout_bytes


def test_a_log_that_is_gone_before_its_evidence_is_copied_is_named(
    install: Installation, detector: SigmaDetector, clock: ManualClock, tmp_path: Path, post: _Post
) -> None:
    post.log.write_bytes(line(1, ENCODED))
    with closing(Follower(post.log, install.tenant, clock=clock)) as follower:
        items = list(follower.poll())
    post.log.unlink()
    assert len(asyncio.run(post.defence.take_in(items)).findings) == 1
    (note,) = post.defence.reading.notes
    assert note.startswith(f"no copies of its evidence were kept: {post.log} is gone")


def test_a_model_that_does_not_answer_holds_nothing_up_and_is_left_alone_for_an_hour(
    post: _Post, clock: ManualClock, model: _Unanswering
) -> None:
    development = post.hear(line(1, ENCODED))
    assert development.failures == ["the provider did not answer"]
    (verdict,) = development.verdicts
    assert (verdict.investigator, verdict.model) == ("offline", None)
    assert post.hear(line(2, DUMP)).failures == []
    assert model.asked == 1
    clock.set(clock.now() + _HOUR)
    assert post.hear(line(3, ENCODED, user="sato")).failures == ["the provider did not answer"]
    assert model.asked == 2


def test_what_no_connector_can_do_is_planned_as_denied_and_kept(install: Installation, post: _Post) -> None:
    """An attacker at work is judged so, and nobody claims to have contained him."""
    development = post.hear(line(1, ENCODED), line(2, DUMP))
    assert development.verdicts[-1].disposition is Disposition.MALICIOUS
    proposed = {(proposal.command, proposal.target.value) for proposal in development.verdicts[-1].proposals}
    assert (Command.ISOLATE_HOST, _HOST) in proposed
    assert development.executions == []
    with install.database.snapshot(install.tenant) as snapshot:
        assert snapshot.all(Plan) == development.plans
    assert all(item.decision.ruling is Ruling.DENY for plan in development.plans for item in plan.actions)


def test_a_story_goes_on_after_a_restart(
    install: Installation, clock: ManualClock, detector: SigmaDetector, post: _Post, tmp_path: Path
) -> None:
    (incident,) = post.hear(line(1, ENCODED)).incidents
    successor = _Post(install, clock, detector, tmp_path / "successor.ndjson", None)
    assert successor.hear(line(2, HARMLESS)).incidents == []
    (grown,) = successor.hear(line(3, DUMP)).incidents
    assert grown.id == incident.id
    assert set(incident.finding_ids) < set(grown.finding_ids)


def test_a_repeated_record_is_no_news(post: _Post) -> None:
    """Forwarders send twice; a new piece of the log with the same bytes is the same evidence."""
    (incident,) = post.hear(line(1, ENCODED)).incidents
    assert post.hear(line(1, ENCODED)).incidents == []
    assert post.defence.incidents == [incident]


def test_what_the_findings_say_can_be_looked_up_while_it_is_fresh(post: _Post) -> None:
    (incident,) = post.hear(line(1, HARMLESS), line(2, ENCODED)).incidents
    case = post.defence.case_of(incident)
    shown = case.evidence.event(case.findings[0].event_ids[0])
    assert shown
    assert shown.fields["CommandLine"] == ENCODED
    host = next(entity for entity in incident.entities if entity.value == _HOST)
    start = shown.time - _HOUR
    found = case.evidence.search(host, start=start, end=shown.time + 1, limit=10)
    assert [item.fields["CommandLine"] for item in found] == [HARMLESS, ENCODED]


def test_an_operator_sees_how_far_behind_it_is_and_what_it_found(post: _Post, clock: ManualClock) -> None:
    before = _measures()
    heard = parse_rfc3339("2026-06-16T00:10:00Z")
    clock.set(heard)
    post.hear(line(2, HARMLESS), line(9, DUMP))
    post.hear()
    after = _measures()
    assert after["sakimori_defence_lag_seconds", ""] == 2 * 60  # it is 00:11 by now, and the newest event is of 00:09
    grown = {name: value - before.get(name, 0) for name, value in after.items()}
    assert grown["sakimori_defence_events_total", ""] == 2
    found = [value for (name, _), value in grown.items() if name == "sakimori_defence_findings_total"]
    assert sum(found) == len(post.defence.findings) == 1
    assert grown["sakimori_defence_round_duration_seconds_count", ""] == 2


def _measures() -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(metrics.collect()().decode())
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, sample.labels.get("severity", "")): sample.value for sample in samples}
