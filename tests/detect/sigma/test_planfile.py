"""A kept plan says the same as a fresh one; whatever else is in its file ends in rules compiled anew or one line."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.detect import SigmaDetector
from sakimori.detect.sigma.compile import compile_plan
from sakimori.detect.sigma.load import parse_file
from sakimori.detect.sigma.plan import Plan
from sakimori.detect.sigma.planfile import PlanFileError, decode, encode
from sakimori.records import EventBatch

RULES = """\
title: First
id: 7d3b7b2e-6f8c-4b86-9a57-55d7a9b8f0c1
status: test
level: high
tags: [attack.execution, attack.t1059.001]
logsource: {product: test, category: c}
detection:
  text: {A: [x, 'y*', '*z', '*防*', 'a?b', '']}
  cased: {A|cased: X}
  regex: {A|re|i: ^a}
  others: {B|gte: 1.5, C|cidr: 10.0.0.0/8, D: null, E|exists: false, F|fieldref|startswith: A, G|hour: 3, H: 7}
  words: [one, two]
  condition: 1 of them and not (text and others)
---
title: Second
logsource: {product: test}
detection: {s: {A|expand: '%who%'}, condition: s}
---
title: Third
correlation:
  type: value_count
  rules: [7d3b7b2e-6f8c-4b86-9a57-55d7a9b8f0c1]
  group-by: [user]
  timespan: 1m
  condition: {gte: 2, field: user}
  aliases: {user: {7d3b7b2e-6f8c-4b86-9a57-55d7a9b8f0c1: A}}
---
title: Broken
logsource: {product: test}
detection: {s: {A|nonsense: 1}, condition: s}
"""


@pytest.fixture(scope="module")
def plan() -> Plan:
    made = compile_plan(parse_file(Path("rules.yml"), RULES.encode()))
    assert len(made.errors) == 1
    return made


def test_a_kept_plan_is_the_plan(plan: Plan) -> None:
    assert decode(encode(plan), "plan") == plan


@given(data=st.data())
def test_damage_is_noticed_at_once(plan: Plan, data: st.DataObject) -> None:
    """A file cut short, grown, or with one byte changed, wherever that is."""
    whole = encode(plan)
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytes([whole[at] ^ data.draw(st.integers(1, 255))])
    for damaged in (whole[:at], whole[:at] + changed + whole[at + 1 :], whole + changed):
        with pytest.raises(ValueError, match="damaged"):
            decode(damaged, "plan")


def _forged(plan: Plan, line: int, text: bytes) -> bytes:
    """The file with one line after the digest changed, under the digest that this makes."""
    lines = encode(plan).split(b"\n")[1:]
    lines[line] = text
    body = b"\n".join(lines)
    return hashlib.blake2b(body, digest_size=16).hexdigest().encode() + b"\n" + body


@pytest.mark.parametrize(
    "head", [b"", b"[]", b"{}", b"null", b'{"atoms": "x"}', b"[" * 2000, b"\xff", b'{"atoms":1e9,"sources":[]}']
)
def test_a_forged_head_is_no_plan(plan: Plan, head: bytes) -> None:
    with pytest.raises(ValueError, match="not a plan"):
        decode(_forged(plan, 0, head), "plan")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"1",
        b"[" * 500 + b"]" * 500,
        b'["A","text",["x",9],false]',
        b'["A","text"]',
        b'[7,"null"]',
        b'[null,"null"]',
        b'["A","network","10.0.0.0/99"]',
        b'["A","compare","near",1]',
        b'["A","number",[]]',
        b'["A","same","B","inside"]',
        b'["A","spell",1]',
    ],
)
def test_a_forged_atom_or_condition_is_one_clear_line(plan: Plan, line: bytes) -> None:
    """Only who means to writes the digest too: it ends the run, by name of the file, and never runs anything."""
    atoms = len(plan.atoms)
    first, last = decode(_forged(plan, 1, line), "kept.jsonl"), decode(_forged(plan, 1 + atoms, line), "kept.jsonl")
    with pytest.raises(PlanFileError, match=r"^kept.jsonl: .*: delete the file$"):
        first.atoms[0]
    with pytest.raises(PlanFileError, match=r"^kept.jsonl: .*: delete the file$"):
        last.conditions[0]


def test_a_condition_over_atoms_that_are_not_there_is_refused(plan: Plan) -> None:
    forged = decode(_forged(plan, 1 + len(plan.atoms), orjson.dumps(["all", [len(plan.atoms)]])), "kept.jsonl")
    with pytest.raises(PlanFileError):
        forged.conditions[0]


@pytest.mark.parametrize("content", [b"", b"\n", b"not a plan", b'{"atoms":[],"rules":[]}', b"\x00" * 100])
def test_a_foreign_file_in_the_plan_s_place_is_written_anew(
    content: bytes, tmp_path: Path, batch: Callable[..., EventBatch]
) -> None:
    rule, cache = tmp_path / "a.yml", tmp_path / "cache"
    rule.write_text("title: t\nlogsource: {product: test}\ndetection: {s: {A: x}, condition: s}\n", "utf-8")
    SigmaDetector.load([rule], cache)
    (kept,) = cache.glob("plan-*")
    good = kept.read_bytes()
    kept.write_bytes(content)
    assert len(SigmaDetector.load([rule], cache).detect(batch([{"A": "x"}]))) == 1
    assert kept.read_bytes() == good


def test_a_rule_file_whose_name_is_no_utf8_is_compiled_and_kept(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    rule = rules / os.fsdecode(b"\xff.yml")
    rule.write_text("title: t\nlogsource: {product: test}\ndetection: {s: {A: x}, condition: s}\n", "utf-8")
    for _ in range(2):
        assert len(SigmaDetector.load([rules], tmp_path / "cache").rules) == 1


def test_only_what_a_kind_needs_is_read(tmp_path: Path, batch: Callable[..., EventBatch]) -> None:
    """What is broken in a rule for other events does not stop these."""
    text = "title: {0}\nlogsource: {{product: {0}}}\ndetection: {{s: {{A: {0}}}, condition: s}}\n"
    data = "---\n".join(text.format(name) for name in ("test", "other")).encode()
    plan = compile_plan(parse_file(tmp_path / "a.yml", data))
    detector = SigmaDetector(decode(_forged(plan, 2, b"{}"), "kept.jsonl"))
    assert [finding.title for finding in detector.detect(batch([{"A": "test"}]))] == ["test"]
    with pytest.raises(PlanFileError):
        detector.detect(batch([{"A": "other"}], kind=("other", "log", "")))
