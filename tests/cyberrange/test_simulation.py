import hashlib
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from tests.cyberrange.conftest import Day

from cyberrange.__main__ import main
from cyberrange.bank import BankError
from cyberrange.simulation import Simulation
from cyberrange.telemetry import TelemetryError

JST = timezone(timedelta(hours=9))


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_equal_seeds_give_equal_bytes_whatever_the_steps_and_the_hash_seed(tmp_path: Path) -> None:
    """Steps of 30 s or of an hour, in processes that order sets differently: the same telemetry and truth."""
    script = (
        "import sys,json,pathlib; from cyberrange.simulation import Simulation\n"
        "s=Simulation(pathlib.Path(sys.argv[1]),seed=3,hosts=30); step=int(sys.argv[2])\n"
        "[s.advance(step) for _ in range(3*3600//step)]; s.close(); print(json.dumps(s.what_really_happened()))"
    )
    truths: list[str] = []
    for name, step, hash_seed in (("a", "30", "1"), ("b", "3600", "2")):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", script, str(tmp_path / name), step]
        truths.append(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert truths[0] == truths[1]


def test_seeds_differ_in_day_staff_and_attack(tmp_path: Path) -> None:
    days = [Simulation(tmp_path / str(seed), seed=seed) for seed in range(6)]
    assert len({day.now for day in days}) > 1
    assert len({tuple(day.bank.accounts) for day in days}) == 6
    for day in days:
        opening = datetime.fromtimestamp(day.now / 1000, JST)
        assert (opening.hour, opening.minute) == (8, 30)
        assert opening.weekday() < 5
        day.close()


def test_without_defence_the_crew_encrypts_the_bank_within_hours(attacked: Day) -> None:
    truth = attacked.truth
    assert truth["outcome"] == "finished"
    assert len(truth["hosts_lost"]) >= 45
    first, encrypted = truth["first_malicious"], [s["time"] for s in truth["steps"] if s["technique"] == "T1486"]
    dwell = datetime.fromisoformat(encrypted[-1]) - datetime.fromisoformat(first)
    assert timedelta(minutes=75) < dwell < timedelta(hours=5)
    assert {step["tactic"] for step in truth["steps"]} >= {
        "initial-access",
        "execution",
        "discovery",
        "credential-access",
        "lateral-movement",
        "impact",
    }


def test_a_quiet_day_has_the_same_people_and_no_crew(quiet: Day, attacked: Day) -> None:
    assert quiet.truth["steps"] == []
    assert quiet.truth["first_malicious"] is None
    assert quiet.simulation.bank.accounts == attacked.simulation.bank.accounts
    assert {state["state"] for state in quiet.truth["hosts"].values()} == {"clean"}


def test_background_keeps_the_rate_of_a_bank_of_fifty_hosts(quiet: Day) -> None:
    assert 100 <= quiet.truth["events"] / 240 <= 400


def test_telemetry_is_complete_and_in_order_after_each_advance(tmp_path: Path) -> None:
    simulation = Simulation(tmp_path / "t", seed=11)
    for _ in range(30):
        simulation.advance(30)
        for path in (tmp_path / "t").iterdir():
            lines = path.read_bytes()
            assert lines == b"" or lines.endswith(b"\n")
            times = [json.loads(line)["@timestamp"] for line in lines.splitlines()]
            assert times == sorted(times)
            limit = simulation.what_really_happened()["time"]
            assert all(time <= str(limit) for time in times)
    simulation.close()


def test_a_folder_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    Simulation(tmp_path, seed=1).close()
    with pytest.raises(TelemetryError, match="choose another --out"):
        Simulation(tmp_path, seed=2)


@pytest.mark.parametrize("hosts", [0, 19, 501])
def test_impossible_banks_are_refused(tmp_path: Path, hosts: int) -> None:
    with pytest.raises(BankError, match="20 to 500 hosts"):
        Simulation(tmp_path, seed=1, hosts=hosts)


def test_run_writes_telemetry_and_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--seed", "2", "--out", str(tmp_path / "out"), "--hours", "0.5", "--hosts", "20"]) == 0
    truth = json.loads((tmp_path / "out" / "truth.json").read_text(encoding="utf-8"))
    assert json.loads(capsys.readouterr().out)["events"] == truth["events"] > 0
    assert len(truth["hosts"]) == 20
    assert main(["run", "--seed", "2", "--out", str(tmp_path / "out")]) == 3
    assert "already holds a run" in capsys.readouterr().err
