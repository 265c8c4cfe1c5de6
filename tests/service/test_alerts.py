"""One alert, one finding: in whatever order its states come, and in a live defence, too."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.collect.alerts.samples import CROWDSTRIKE, GRAPH, HOST, changed
from tests.service.conftest import DUMP, NOW, line

from sakimori.core import ManualClock
from sakimori.detect import SigmaDetector
from sakimori.investigate import OfflineInvestigator
from sakimori.records import EventRef, Finding, Incident, Inventory, Route, Severity
from sakimori.respond import ResponsePolicy, load_playbooks
from sakimori.service import Defence, Development, Installation, Means
from sakimori.service.alerts import severest
from sakimori.store import evidence

_FINDING = Finding(
    id="fn-1",
    tenant="bank",
    rule_id="graph:r",
    title="t",
    severity=Severity.HIGH,
    first_time=0,
    last_time=0,
    product="P",
)


@given(severities=st.lists(st.sampled_from(list(Severity)), min_size=1, max_size=6), split=st.integers(0, 6))
def test_the_most_severe_word_stands_in_whatever_order_and_scans_they_come(
    severities: list[Severity], split: int
) -> None:
    said = [replace(_FINDING, severity=severity) for severity in severities]
    known = {finding.id: finding for finding in severest(said[:split], lambda _: None)}
    now = severest(said[split:], known.get) or list(known.values())
    assert [finding.severity for finding in now] == [max(severities)]


def test_our_own_findings_are_not_looked_up() -> None:
    def known(_: str) -> Finding | None:
        raise AssertionError

    own = replace(_FINDING, product="")
    assert severest([own, own], known) == [own]


def _defence(install: Installation, clock: ManualClock, detector: SigmaDetector) -> Defence:
    means = Means(
        detector=detector,
        offline=OfflineInvestigator(clock=clock),
        model=None,
        inventory=Inventory(tenant="bank", taken_at=NOW, hosts=(), accounts=()),
        playbooks=load_playbooks(),
        connectors=(),
        policy=ResponsePolicy(),
    )
    return Defence(install, means, holder="test")


def test_alerts_that_a_collector_writes_are_followed_beside_events(
    install: Installation, clock: ManualClock, detector: SigmaDetector, tmp_path: Path
) -> None:
    defence = _defence(install, clock, detector)
    webhook, events = tmp_path / "webhook.ndjson", tmp_path / "events.ndjson"
    followers = [defence.follow(webhook), defence.follow(events)]

    def round_() -> Development:
        return asyncio.run(defence.take_in(item for follower in followers for item in follower.poll()))

    webhook.write_text(json.dumps(changed(CROWDSTRIKE, severity_name="Medium")) + "\n")
    first = round_()
    (alert,) = first.findings
    assert alert.product == "CrowdStrike Falcon"
    with install.database.snapshot("bank") as snapshot:
        assert snapshot.find_source(EventRef.parse(alert.event_ids[0]).digest)
        assert evidence.get_raw(snapshot, alert.event_ids[0]) == webhook.read_bytes().rstrip()

    with webhook.open("a") as file:
        file.write(json.dumps(changed(CROWDSTRIKE, severity_name="Medium", status="closed")) + "\n")
    assert round_().findings == []
    assert defence.reading.evaluated == 2

    with webhook.open("a") as file:
        file.write(json.dumps(CROWDSTRIKE) + "\n" + json.dumps(changed(GRAPH, id=None)) + "\n")
    events.write_bytes(line(3, DUMP, host=HOST))
    joined = round_()
    assert [finding.id for finding in joined.findings if finding.product] == [alert.id]
    (incident,) = [incident for incident in joined.incidents if incident.merged_into is None]
    assert len(incident.finding_ids) == 2
    assert (defence.reading.evaluated, defence.reading.rejected) == (4, 1)
    assert len([finding for finding in defence.findings if finding.product]) == 1

    again = _defence(install, clock, detector)  # a new process: what was told stays told
    follower = again.follow(webhook)
    assert asyncio.run(again.take_in(follower.poll())).findings == []


def test_an_alert_alone_goes_to_a_person_and_proposes_nothing(
    install: Installation, clock: ManualClock, detector: SigmaDetector, tmp_path: Path
) -> None:
    """Whoever can write alerts can cost an analyst's time, and no more."""
    defence = _defence(install, clock, detector)
    path = tmp_path / "webhook.ndjson"
    crafted = {"Computer": HOST, "CommandLine": DUMP, "User": "BANK\\tanaka", "EventID": 1}
    path.write_text(json.dumps(changed(CROWDSTRIKE, severity_name="Critical", **crafted)) + "\n")
    (verdict,) = asyncio.run(defence.take_in(defence.follow(path).poll())).verdicts
    assert verdict.route is Route.PERSON
    assert not verdict.proposals
    with install.database.snapshot("bank") as snapshot:
        assert [incident.severity for incident in snapshot.all(Incident)] == [Severity.CRITICAL]
