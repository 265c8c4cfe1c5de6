"""Explanations: condition by condition, in the rule's own names, and never at odds with the engine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sakimori import collect
from sakimori.core import InputError, ManualClock
from sakimori.detect import SigmaDetector
from sakimori.detect.sigma.explain import Explainer, Question, Step, explainers
from sakimori.records import EventBatch, EventKind, encode_cell

from ..conftest import make_batch

KIND = EventKind(product="test", channel="log", code="")
CREATION = EventKind(product="windows", channel="Security", code="4688")


def _explainer(folder: Path, detection: Mapping[str, Any], **members: Any) -> Explainer:
    rule = {"title": "t", "logsource": {"product": "test", "service": "log"}, "detection": detection, **members}
    path = folder / "rule.yml"
    path.write_text(yaml.safe_dump(rule, allow_unicode=True), "utf-8")
    (made,) = explainers(path)
    return made


def _lines(part: Step | Question, depth: int = 0) -> list[str]:
    mark = "  " * depth + ("+" if part.holds else "-")
    if isinstance(part, Question):
        return [f"{mark} {part.field or 'any field'} {part.wanted} | {part.seen}"]
    head = f"{mark} {part.operator} {part.name}".rstrip()
    return [head, *(line for inner in part.parts for line in _lines(inner, depth + 1))]


def test_the_condition_is_told_by_the_rules_own_names_with_values_seen_and_wanted(tmp_path: Path) -> None:
    explainer = _explainer(
        tmp_path,
        {
            "selection_img": {"Image|endswith": ["\\cmd.exe", "\\pwsh.exe"], "User": None},
            "filter_main_ip": {"Ip|cidr": "10.0.0.0/8"},
            "filter_main_size": {"Size|gte": 3},
            "condition": "selection_img and not 1 of filter_main_*",
        },
    )
    explanation = explainer.explain(KIND, {"Image": "C:\\CMD.exe", "Ip": "10.2.3.4", "Size": "2"})
    assert not explanation.matched
    assert _lines(explanation.condition) == [
        "- all",
        "  + all selection_img",
        "    + any",
        "      + Image ends with '\\cmd.exe' | C:\\CMD.exe",
        "      - Image ends with '\\pwsh.exe' | C:\\CMD.exe",
        "    + User is null or missing | None",
        "  - not",
        "    + any 1 of filter_main_*",
        "      + all filter_main_ip",
        "        + Ip lies in 10.0.0.0/8 | 10.2.3.4",
        "      - all filter_main_size",
        "        - Size ≥ 3 | 2",
    ]
    assert explainer.explain(KIND, {"Image": "C:\\CMD.exe", "Ip": "8.8.8.8"}).matched


@pytest.mark.parametrize(
    ("item", "wanted"),
    [
        ({"F": "*"}, "is any text"),
        ({"F|startswith|cased": "Ab"}, "starts with 'Ab' (with case)"),
        ({"F": "a*b?"}, "is like 'a*b?'"),
        ({"F|re|i": "a+"}, "matches /a+/i"),
        ({"F": 4}, "is the number 4"),
        ({"F|exists": False}, "does not exist"),
        ({"F|fieldref": "G"}, "is the value of G"),
        ({"F|hour": 3}, "is a time whose hour is 3"),
        ({"F|hour|gte": 22}, "is a time whose hour ≥ 22"),
        ({"F|expand": "%admins%"}, "a placeholder without values"),
    ],
)
def test_every_sort_of_pattern_has_words(item: dict[str, Any], wanted: str, tmp_path: Path) -> None:
    explainer = _explainer(tmp_path, {"s": item, "condition": "s"})
    condition = explainer.explain(KIND, {}).condition
    assert isinstance(condition, Step)
    assert [part.wanted for part in condition.parts if isinstance(part, Question)] == [wanted]
    assert "F" in explainer.fields


def test_fields_are_seen_under_the_events_own_names(tmp_path: Path) -> None:
    source = {"product": "windows", "category": "process_creation"}
    explainer = _explainer(tmp_path, {"s": {"Image|endswith": "x"}, "condition": "s"}, logsource=source)
    condition = explainer.explain(CREATION, {"NewProcessName": "C:\\x"}).condition
    assert isinstance(condition, Step)
    assert condition.parts == (Question("Image", "NewProcessName", "ends with 'x'", "C:\\x", holds=True),)


def test_an_event_of_another_log_source_never_matches(tmp_path: Path) -> None:
    explainer = _explainer(tmp_path, {"s": {"F": "x"}, "condition": "s"})
    explanation = explainer.explain(CREATION, {"F": "x"})
    assert explanation.condition.holds
    assert not explanation.in_source
    assert not explanation.matched


def test_names_with_spaces_and_keywords_are_found(tmp_path: Path) -> None:
    explainer = _explainer(tmp_path, {"k": ["evil"], "s": {"ThreatName": "x"}, "condition": "all of them"})
    assert explainer.explain(KIND, {"Threat Name": "X", "Other": encode_cell(["so EVIL", None])}).matched


def test_what_cannot_be_explained_is_one_sentence_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("title: t\nlogsource: {product: test}\ndetection:\n  condition: [}\n", "utf-8")
    with pytest.raises(InputError, match=r"bad\.yml:4: not valid YAML"):
        explainers(tmp_path / "bad.yml")
    (tmp_path / "none.yml").write_text("", "utf-8")
    with pytest.raises(InputError, match="holds no rule"):
        explainers(tmp_path / "none.yml")


VALUES = st.sampled_from(["a", "A", "ab", "b*", "*a", "?", "", "1", "*"])
ITEMS = st.dictionaries(
    st.sampled_from(["F", "G", "F|contains", "G|startswith", "F|exists", "G|cased"]),
    st.one_of(VALUES, st.lists(VALUES, min_size=1, max_size=3), st.none()),
    min_size=1,
    max_size=3,
).map(lambda item: {key: True if key.endswith("exists") else value for key, value in item.items()})
CONDITIONS = st.sampled_from(["s", "not s", "s and t", "s or not t", "1 of them", "all of *", "not (s and t) or u"])
EVENTS = st.dictionaries(st.sampled_from(["F", "G", "H"]), st.sampled_from(["a", "AB", "", "1", None, ["a", "b"]]))


@given(items=st.tuples(ITEMS, ITEMS, ITEMS), condition=CONDITIONS, event=EVENTS)
def test_an_explanation_never_contradicts_the_engine(
    items: tuple[dict[str, Any], ...], condition: str, event: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("rule")
    detection = {**dict(zip("stu", items, strict=True)), "condition": condition}
    path = folder / "rule.yml"
    source = {"product": "test", "service": "log"}
    path.write_text(yaml.safe_dump({"title": "t", "logsource": source, "detection": detection}), "utf-8")
    detector = SigmaDetector.load([path])
    if detector.errors:
        with pytest.raises(InputError):
            explainers(path)
        return
    (explainer,) = explainers(path)
    cells = {name: encode_cell(value) for name, value in event.items()}
    found = detector.detect(make_batch([event])) if event else []
    if event:
        assert explainer.explain(KIND, cells).matched == bool(found)


def test_explanations_agree_with_scans_of_recorded_attacks(shared: Path) -> None:
    sigma = shared / "corpora" / "sigma"
    infos = sorted((sigma / "regression").rglob("info.yml"))[::12]
    compared = 0
    for info in infos:
        rule_id = yaml.safe_load(info.read_text("utf-8"))["rule_metadata"][0]["id"]
        path = next(path for path in sorted(sigma.glob(f"rules*/**/{info.parent.name}.yml")))
        (explainer,) = explainers(path)
        assert explainer.id == rule_id
        detector = SigmaDetector.load([path])
        for item in collect.read(sorted(info.parent.glob("*.evtx")), tenant="bank", clock=ManualClock(0)):
            if isinstance(item, EventBatch):
                found = {finding.event_ids[0] for finding in detector.detect(item)}
                for row in range(len(item)):
                    explained = explainer.explain(item.kind, item.fields(row)).matched
                    assert explained == (item.event_id(row) in found)
                    compared += explained
    assert compared >= len(infos)
