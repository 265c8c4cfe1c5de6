"""Runs that several tests look at: one attacked day and one quiet one, simulated once per process."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cyberrange.simulation import Simulation

STEP_S = 60


@dataclass(frozen=True)
class Day:
    folder: Path
    simulation: Simulation

    @property
    def truth(self) -> Any:
        return self.simulation.what_really_happened()

    def records(self, log: str) -> list[dict[str, Any]]:
        lines = (self.folder / f"{log}.ndjson").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


def play(simulation: Simulation, defend: Callable[[Simulation], None] = lambda _: None) -> None:
    """Let the day pass minute by minute; ``defend`` is called in between."""
    while not simulation.done:
        simulation.advance(STEP_S)
        defend(simulation)


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp("attacked") / "telemetry"
    simulation = Simulation(folder, seed=4)
    play(simulation)
    yield Day(folder, simulation)
    simulation.close()


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp("quiet") / "telemetry"
    simulation = Simulation(folder, seed=4, quiet=True)
    simulation.advance(4 * 3600)
    yield Day(folder, simulation)
    simulation.close()
