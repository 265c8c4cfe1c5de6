"""One attack on a small bank, with and without the defence, through every room of the house."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from sakimori.core import ManualClock, Settings
from sakimori.evals.drill import Containment, Performance, defended, undefended
from sakimori.evals.outcome import Comparison, drill_outcome, summary
from sakimori.evals.umpire import Casualty, CrewStep, Truth
from sakimori.records import Command, Disposition, Execution, Incident, Route, StepState, Verdict
from sakimori.service import installation

_HOSTS, _SEED = 20, 3
_MINUTE = 60 * 10**9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drill")


@pytest.fixture(scope="module")
def comparison(folder: Path) -> Comparison:
    return Comparison(
        undefended=undefended(folder / "undefended", seed=_SEED, hosts=_HOSTS),
        defended=asyncio.run(defended(folder / "defended", seed=_SEED, hosts=_HOSTS)),
    )


def test_the_defence_saves_hosts_by_containment_that_hits_the_crew(comparison: Comparison) -> None:
    alone, guarded = comparison.undefended, comparison.defended
    assert alone.lost > _HOSTS // 2
    assert guarded.lost < alone.lost // 4
    assert any(item.needed and item.command is Command.ISOLATE_HOST for item in guarded.containments)
    first = guarded.minutes_to_first_containment
    assert first is not None
    assert 0 < first < 60


def test_what_the_defence_did_is_kept_and_the_ledger_verifies(comparison: Comparison, folder: Path) -> None:
    settings = Settings(home=folder / "defended" / "home", tenant="local", language="en")
    with installation(settings, ManualClock(comparison.defended.ended)) as install:
        with install.database.transaction("local") as transaction:
            install.ledger.seal(transaction)
        with install.database.snapshot("local") as snapshot:
            verdicts = list(snapshot.all(Verdict))
            executions = list(snapshot.all(Execution))
            incidents = {incident.id: incident for incident in snapshot.all(Incident)}
            told = {line.entry.action for line in install.ledger.lines(snapshot) if line.entry}
            assert install.ledger.verify(snapshot).ok
    assert {"detection.found", "verdict.made", "response.planned"} <= told
    assert all(verdict.model is None and verdict.investigator == "offline" for verdict in verdicts)
    assert any(verdict.disposition is Disposition.MALICIOUS and verdict.route is Route.RESPOND for verdict in verdicts)
    newest = max(verdicts, key=lambda verdict: verdict.made_at)
    assert newest.severity >= incidents[newest.incident_id].severity
    states = [step.state for execution in executions for step in execution.steps]
    assert states.count(StepState.DONE) == len(comparison.defended.containments)
    assert StepState.STARTED not in states


def test_the_same_seed_plays_the_same_attack(comparison: Comparison, folder: Path) -> None:
    again = undefended(folder / "again", seed=_SEED, hosts=_HOSTS)
    assert again.truth == comparison.undefended.truth


def test_every_event_of_the_drill_is_accounted_for(comparison: Comparison) -> None:
    assert comparison.defended.events > 1000
    assert comparison.defended.rejected == 0


def test_the_curve_never_falls(comparison: Comparison) -> None:
    outcome = drill_outcome(comparison)
    for curve in (outcome.curve_defended, outcome.curve_undefended):
        assert all(one[0] <= other[0] and one[1] < other[1] for one, other in pairwise(curve))
    assert len(outcome.curve_undefended) == comparison.undefended.lost


def _performance(containments: Sequence[Containment], lost: int, *, hosts: int = 10) -> Performance:
    truth = Truth(
        hosts=hosts,
        first_malicious=0,
        outcome="finished",
        lost=tuple(Casualty(host=f"h{index}", time=index) for index in range(lost)),
        steps=(),
    )
    return Performance(
        seed=1, defended=True, hosts=hosts, started=0, ended=1, truth=truth, containments=tuple(containments)
    )


def _containment(minute: int, *, needed: bool) -> Containment:
    return Containment(time=minute * _MINUTE, command=Command.ISOLATE_HOST, target="h", needed=needed)


def test_needless_containments_do_not_count_as_containing() -> None:
    guarded = _performance([_containment(1, needed=False), _containment(5, needed=True)], lost=2)
    assert guarded.minutes_to_first_containment == 5
    assert guarded.needless == 1
    total = summary([Comparison(undefended=_performance([], lost=10), defended=guarded)])
    assert (total.lost_undefended, total.lost_defended, total.contained) == (1.0, 0.2, 1)


def test_an_attack_that_was_never_contained_has_no_time() -> None:
    total = summary([Comparison(undefended=_performance([], lost=10), defended=_performance([], lost=9))])
    assert total.minutes_to_contain is None
    assert total.contained == 0


def test_the_crew_has_touched_what_it_acted_on_or_as_by_then() -> None:
    step = CrewStep(time=10, technique="T1021", host="fs01", account="tanaka", what="moves", ok=True)
    truth = Truth(hosts=1, first_malicious=10, outcome="running", lost=(), steps=(step,))
    assert truth.touched("fs01", by=10)
    assert truth.touched("tanaka", by=11)
    assert not truth.touched("fs01", by=9)
    assert not truth.touched("ws-01", by=99)
