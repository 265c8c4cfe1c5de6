"""The rules that ship: valid Sigma, and able to see the range's attack without crying wolf on a quiet day."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest
import yaml

from cyberrange.simulation import Simulation
from sakimori import collect
from sakimori.core import ManualClock
from sakimori.detect import SigmaDetector
from sakimori.records import EventBatch, Finding, Severity

RULES = Path(__file__).parents[2] / "src" / "sakimori" / "content" / "rules"
FILES = sorted(RULES.glob("*.yml"))


def documents(path: Path) -> list[dict[str, Any]]:
    """YAML documents as JSON values (dates as text)."""
    return [json.loads(json.dumps(d, default=str)) for d in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rules_are_valid_sigma(path: Path, shared: Path) -> None:
    for document in documents(path):
        kind = "correlation-rules" if "correlation" in document else "detection-rule"
        schema = json.loads(
            (shared / f"standards/sigma/json-schema/sigma-{kind}-schema.json").read_text(encoding="utf-8")
        )
        jsonschema.validate(document, schema)
        assert UUID(document["id"]).version == 4
        assert all(document[member] for member in ("level", "falsepositives", "description"))
        assert any(tag.startswith("attack.t1") for tag in document["tags"])


def test_ids_and_titles_are_unique() -> None:
    found = [document for path in FILES for document in documents(path)]
    assert len({document["id"] for document in found}) == len(found)
    assert len({document["title"] for document in found}) == len(found)


def test_every_rule_compiles() -> None:
    detector = SigmaDetector.load([RULES])
    assert not detector.errors
    assert len(detector.rules) == sum(len(documents(path)) for path in FILES)


def findings_of(folder: Path) -> list[Finding]:
    detector = SigmaDetector.load([RULES])
    found: list[Finding] = []
    for item in collect.read([folder], tenant="bank", clock=ManualClock(0)):
        assert not isinstance(item, collect.Rejected), item
        if isinstance(item, EventBatch):
            found += detector.detect(item)
    return found + detector.flush()


def hosts_of(finding: Finding) -> set[str]:
    return {entity.value for entity in finding.entities if entity.type == "host"}


def test_each_stage_of_an_attack_is_seen_and_long_before_encryption(tmp_path: Path) -> None:
    simulation = Simulation(tmp_path, seed=21)
    while not simulation.done:
        simulation.advance(600)
    simulation.close()
    found = findings_of(tmp_path)
    steps = simulation.truth.steps
    encryption = min(step.at for step in steps if step.technique == "T1486") * 1_000_000
    early = [f for f in found if f.severity >= Severity.HIGH and f.first_time < encryption - 3600 * 10**9]
    assert early
    seen = {tactic for finding in found for tactic in finding.tactics}
    assert seen >= {"initial-access", "execution", "credential-access", "lateral-movement", "impact"}
    burned = {step.host for step in steps if step.technique == "T1486"}
    reported = {host for f in found if f.title == "One Process Renames Many Documents" for host in hosts_of(f)}
    assert reported == burned


def test_a_quiet_morning_raises_next_to_nothing_high(tmp_path: Path) -> None:
    simulation = Simulation(tmp_path, seed=31, quiet=True)
    simulation.advance(4 * 3600)
    simulation.close()
    found = findings_of(tmp_path)
    assert found
    assert sum(finding.severity >= Severity.HIGH for finding in found) <= 1
