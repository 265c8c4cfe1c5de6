"""The loop is closed: what the defence does changes what the crew can do, and the crew notices."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cyberrange.conftest import Day, play

from cyberrange.attack.truth import CrewStep
from cyberrange.clock import MINUTE
from cyberrange.simulation import Simulation


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Simulation]:
    made = Simulation(tmp_path / "telemetry", seed=4)
    yield made
    made.close()


def entered(simulation: Simulation) -> CrewStep | None:
    return next((step for step in simulation.truth.steps if step.technique == "T1133" and step.ok), None)


def until_entered(simulation: Simulation) -> CrewStep:
    while (step := entered(simulation)) is None:
        simulation.advance(60)
    simulation.advance(300)
    return step


def outcome(simulation: Simulation) -> tuple[int, str]:
    lost = [m for m in simulation.estate.machines.values() if m.state == "encrypted"]
    return len(lost), simulation.truth.outcome


def test_isolating_each_foothold_at_once_saves_the_bank(simulation: Simulation) -> None:
    def isolate(now: Simulation) -> None:
        for machine in now.estate.machines.values():
            if machine.state == "compromised" and now.now - machine.since > 8 * MINUTE:
                now.set_isolated(machine.host.name, isolated=True)

    play(simulation, isolate)
    lost, how = outcome(simulation)
    assert lost <= 1
    assert how in ("gave_up", "finished")


def test_nothing_moves_from_or_to_an_isolated_host(simulation: Simulation) -> None:
    first = until_entered(simulation)
    simulation.set_isolated(first.host, isolated=True)
    cut = simulation.now
    play(simulation)
    after = [step for step in simulation.truth.steps if step.at > cut and step.host == first.host]
    assert not any(step.ok for step in after), after
    assert simulation.estate.machines[first.host].state == "compromised"


def test_an_isolated_host_still_reports(simulation: Simulation, tmp_path: Path) -> None:
    first = until_entered(simulation)
    simulation.set_isolated(first.host, isolated=True)
    log = tmp_path / "telemetry" / "sysmon.ndjson"
    before = log.stat().st_size
    simulation.advance(1200)
    name = first.host.split(".")[0].upper()
    assert f'"Hostname":"{name}.' in log.read_bytes()[before:].decode()


def test_the_crew_comes_back_with_another_identity(simulation: Simulation) -> None:
    """Adaptive: cut off, it notices, and enters as somebody else."""
    first = until_entered(simulation)
    simulation.set_isolated(first.host, isolated=True)
    play(simulation)
    identities = {step.account for step in simulation.truth.steps if step.technique == "T1566.004"}
    assert len(identities) >= 2
    assert any("lost its foothold" in what for _, what in simulation.truth.decisions)


def test_containment_late_makes_the_crew_strike_early(tmp_path: Path, attacked: Day) -> None:
    """Adaptive: with an administrator's credential in hand it does not wait to be locked out."""
    simulation = Simulation(tmp_path / "t", seed=4)

    def isolate(now: Simulation) -> None:
        for machine in now.estate.machines.values():
            if machine.state == "compromised" and now.now - machine.since > 55 * MINUTE:
                now.set_isolated(machine.host.name, isolated=True)

    play(simulation, isolate)
    assert 0 < outcome(simulation)[0] < len(attacked.truth["hosts_lost"])
    simulation.close()


def test_a_disabled_account_cannot_log_on_and_its_session_dies(simulation: Simulation) -> None:
    first = until_entered(simulation)
    simulation.set_enabled(first.account, enabled=False)
    disabled = simulation.now
    play(simulation)
    by_it = [s for s in simulation.truth.steps if s.at > disabled and s.account == first.account]
    assert not any(step.ok for step in by_it), by_it


def test_disabling_an_employee_stops_honest_work_too(tmp_path: Path) -> None:
    """Containment has a price: the employee's logons fail with the sub status of a disabled account."""
    simulation = Simulation(tmp_path / "t", seed=4, quiet=True)
    simulation.advance(3600)
    worker = next(m.user for m in simulation.estate.machines.values() if m.user is not None)
    simulation.set_enabled(worker.account, enabled=False)
    simulation.advance(3600)
    security = (tmp_path / "t" / "security.ndjson").read_text(encoding="utf-8").splitlines()
    failed = [line for line in security if '"EventID":4625' in line and f'"{worker.account}"' in line]
    assert any('"SubStatus":"0xc0000072"' in line for line in failed)
    simulation.close()


def test_release_and_enable_undo(simulation: Simulation) -> None:
    first, second = sorted(h.name for h in simulation.bank.hosts.values() if h.zone == "hq")[:2]
    assert simulation.reach(first, second)
    simulation.set_isolated(first, isolated=True)
    assert not simulation.reach(first, second)
    assert not simulation.reach(second, first)
    simulation.set_isolated(first, isolated=False)
    assert simulation.reach(first, second)
    account = next(iter(simulation.bank.accounts))
    simulation.set_enabled(account, enabled=False)
    assert not simulation.enabled(account)
    simulation.set_enabled(account, enabled=True)
    assert simulation.enabled(account)


def test_the_planner_cannot_see_the_truth() -> None:
    """The modules that decide import nothing that knows the estate."""
    package = Path(__file__).parents[2] / "cyberrange" / "src" / "cyberrange" / "attack"
    for name in ("crew.py", "knowledge.py", "strike.py"):
        text = (package / name).read_text(encoding="utf-8")
        imports = [line for line in text.splitlines() if line.startswith(("from ", "import "))]
        assert not any(
            part in line for line in imports for part in (".estate", ".bank", ".simulation", ".machine", ".network")
        )
