"""The fast matcher and the reference evaluator say the same of every rule and event."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sigma.rule import SigmaRule

from sakimori.detect import SigmaDetector
from sakimori.detect.sigma.compile import compile_plan
from sakimori.detect.sigma.library import rule_files
from sakimori.detect.sigma.load import Document, parse_file
from sakimori.detect.sigma.logsource import LogSource, LogSources
from sakimori.detect.sigma.planfile import decode, encode
from sakimori.records import EventBatch, EventKind, EventRef

_ALPHABET = "aAbB.\\-/ 1ÄäＡａſsΣςß𝒳\0\n防"
_FIELDS = ["A", "B", "C D"]
_TEXT = st.text(_ALPHABET, max_size=6)
_VALUE = st.one_of(
    _TEXT,
    st.sampled_from(["10.0.0.1", "10.1.0.1", "fe80::1", "1", "1.0", "-3", "true", "", "*", "?"]),
    st.integers(-3, 12),
    st.sampled_from([0.5, 1.0, 2.25]),
    st.booleans(),
    st.none(),
    st.lists(st.one_of(_TEXT, st.none(), st.integers(0, 3)), max_size=3),
)
_EVENT = st.dictionaries(st.sampled_from(_FIELDS), _VALUE, max_size=3)
_PATTERN = st.text(_ALPHABET + "**??\\", min_size=1, max_size=6)
_REGEX = st.sampled_from(["a", "^a", "a$", "[ab]+1?", "a.b", "(a|b){2}", "^$", "\\.", "\\d", "a\\\\", "^.$", "(?i)ab"])


def _question(draw: st.DrawFn) -> dict[str, Any]:
    field = draw(st.sampled_from(_FIELDS)).replace(" ", "")
    values = st.one_of(_PATTERN, st.lists(_PATTERN, min_size=2, max_size=3))
    modifiers, value = draw(
        st.one_of(
            st.tuples(st.sampled_from(["", "|contains", "|startswith", "|endswith", "|neq"]), values),
            st.tuples(st.sampled_from(["|cased", "|contains|cased", "|endswith|cased"]), values),
            st.tuples(
                st.sampled_from(["|contains|all", "|all", "|startswith|all"]),
                st.lists(_PATTERN, min_size=2, max_size=3),
            ),
            st.tuples(st.sampled_from(["|contains|windash", "|windash"]), st.sampled_from(["-a", " /b", "-a -b"])),
            st.tuples(st.sampled_from(["|re", "|re|i", "|re|m", "|re|s"]), _REGEX),
            st.tuples(st.just("|cidr"), st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "fe80::/10"])),
            st.tuples(st.sampled_from(["|lt", "|lte", "|gt", "|gte"]), st.sampled_from([1, 0, 2.25, -3])),
            st.tuples(st.just("|exists"), st.booleans()),
            st.tuples(st.sampled_from(["|fieldref", "|fieldref|startswith", "|fieldref|endswith"]), st.just("B")),
            st.tuples(st.just(""), st.one_of(st.integers(-3, 12), st.booleans(), st.none(), st.just(0.5))),
            st.tuples(st.just("|base64offset|contains"), st.just("aA")),
        )
    )
    return {field + modifiers: value}


@st.composite
def _rule(draw: st.DrawFn) -> dict[str, Any]:
    question = st.composite(_question)()
    section = st.one_of(
        st.lists(question, min_size=1, max_size=2).map(
            lambda parts: {key: value for part in parts for key, value in part.items()}
        ),
        st.lists(question, min_size=2, max_size=3),
        st.lists(_PATTERN, min_size=1, max_size=2),
    )
    detection: dict[str, Any] = {f"s_{name}": draw(section) for name in "abc"}
    detection["condition"] = draw(
        st.sampled_from(
            [
                "s_a",
                "not s_a",
                "s_a and not s_b",
                "s_a or s_b and s_c",
                "1 of s_*",
                "all of s_*",
                "s_a and not 1 of s_b*",
                "not (s_a or s_b) or s_c",
            ]
        )
    )
    return {"title": "generated", "logsource": {"product": "test", "service": "log"}, "detection": detection}


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(rules=st.lists(_rule(), min_size=1, max_size=4), events=st.lists(_EVENT, min_size=1, max_size=12))
def test_fast_and_slow_agree(
    rules: list[dict[str, Any]], events: list[dict[str, Any]], batch: Callable[..., EventBatch], reference: Any
) -> None:
    """Whatever the rules and events, in one batch or several, with the plan fresh or out of its JSON form."""
    for number, rule in enumerate(rules):
        rule["title"] = f"generated {number}"
    data = yaml.safe_dump_all(rules, allow_unicode=True).encode()
    plan = compile_plan(parse_file(Path("generated.yml"), data))
    assume(not plan.errors)
    plain = [{name.replace(" ", ""): value for name, value in event.items()} for event in events]
    expected = {
        (rule["title"], row) for rule in rules for row, event in enumerate(plain) if reference.matches(rule, event)
    }
    for made, size in ((plan, len(events)), (decode(encode(plan), "plan"), 3)):
        detector = SigmaDetector(made)
        found = {
            (finding.title, EventRef.parse(finding.evidence[0].event_id).offset)
            for first in range(0, len(events), size)
            for finding in detector.detect(batch(events[first : first + size], first=first))
        }
        assert found == expected


def test_fast_and_slow_agree_on_real_rules_and_events(
    shared: Path, batch: Callable[..., EventBatch], reference: Any
) -> None:
    """SigmaHQ's Windows rules over some events of each kind in three of OTRF's recordings."""
    documents = [
        document
        for path in rule_files([shared / "corpora" / "sigma" / "rules" / "windows"])
        for document in parse_file(path, path.read_bytes())
        if isinstance(document, Document)
    ]
    detector = SigmaDetector(compile_plan(documents))
    parsed = [document.parsed for document in documents if isinstance(document.parsed, SigmaRule)]
    rules = [(rule, reference.conditions(rule)) for rule in parsed]
    hits = 0
    for kind, events in _recorded(shared / "corpora" / "otrf" / "datasets" / "atomic" / "windows").items():
        found = {
            (finding.rule_id, EventRef.parse(finding.evidence[0].event_id).offset)
            for finding in detector.detect(batch(events, kind=kind))
        }
        record = EventKind(product=kind[0], channel=kind[1], code=kind[2])
        expected: set[tuple[str, int]] = set()
        for rule, conditions in rules:
            source = LogSource(rule.logsource.product, rule.logsource.category, rule.logsource.service)
            fitting = [item for item in LogSources.packaged().selectors(source) if item.admits(record)]
            if not fitting:
                continue
            renamed = fitting[0].fields
            for row, event in enumerate(events):
                seen = {name: value for name, value in event.items() if name not in renamed}
                seen |= {name: event[own] for name, own in renamed.items() if own in event}
                if reference.hold(conditions, seen):
                    expected.add((str(rule.id), row))
        assert found == expected, kind
        hits += len(found)
    assert hits > 20


def _recorded(folder: Path) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    """At most four distinct events of each kind."""
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for path in sorted(folder.rglob("*.zip"))[::20]:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                for line in archive.read(member).splitlines() if member.endswith(".json") else ():
                    if line.startswith(b"{") and b'"Channel"' in line:
                        event = orjson.loads(line)
                        kept = found.setdefault(("windows", event["Channel"], str(event["EventID"])), [])
                        if len(kept) < 4:
                            kept.append({"Computer": event.pop("Hostname", None), **event})
    return found
