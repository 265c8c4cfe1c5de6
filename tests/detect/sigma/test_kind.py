"""A kind answers what it can by itself, and asks the rest under its events' own names."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sakimori.detect.sigma import expression
from sakimori.detect.sigma.compile import compile_plan
from sakimori.detect.sigma.kind import KindPlan, KindPlans
from sakimori.detect.sigma.load import parse_file
from sakimori.detect.sigma.logsource import LogSources
from sakimori.records import EventKind

_CODES = ["4688", "4624", "1", "1.0", "01", "0.5", "abc", "ABC", "", "1e3", "ａ"]
_VALUES = ["4688", "'4688'", "1", "'1'", "0.5", "1000", "abc", "'a*'", "'?'", "''", "'*'", "null"]


def _plan(text: str, kind: tuple[str, str, str]) -> KindPlan:
    plan = compile_plan(parse_file(Path("rules.yml"), text.encode()))
    assert not plan.errors
    product, channel, code = kind
    return KindPlans(plan, LogSources.packaged()).build(EventKind(product=product, channel=channel, code=code))


@given(code=st.sampled_from(_CODES), value=st.sampled_from(_VALUES), modifier=st.sampled_from(["", "|gt", "|neq"]))
def test_a_code_is_answered_as_an_event_would_answer(code: str, value: str, modifier: str) -> None:
    """The same question to ``EventID``, which the kind answers, and to another field, which an event has to."""
    if modifier == "|gt" and not value.replace(".", "").isdigit():
        modifier = ""
    rule = "title: {0}\nlogsource: {{product: windows, service: security}}\n"
    rule += "detection: {{s: {{{0}" + modifier + ": " + value + "}}, condition: s}}\n"
    made = _plan(rule.format("EventID") + "---\n" + rule.format("Other"), ("windows", "Security", code))
    answered = {item.rule.header.title: item for item in made.rules}
    assert {atom.field for atom in made.atoms.values()} == {"Other"}
    assert ("EventID" in answered) == _holds(value, code, modifier)
    if "EventID" in answered:
        assert answered["EventID"].condition is True
        assert answered["EventID"].given == ("EventID",)


def _holds(value: str, code: str, modifier: str) -> bool:
    if value == "null":
        return modifier == "|neq"
    text = value.strip("'")
    spelled = {"4688": 4688.0, "4624": 4624.0, "1": 1.0, "1.0": 1.0, "0.5": 0.5, "1e3": 1000.0}.get(code)
    if modifier == "|gt":
        return spelled is not None and spelled > float(text)
    if value in ("4688", "1", "0.5", "1000"):
        same = spelled == float(value)
    elif value == "'a*'":
        same = code.lower().startswith("a")
    else:
        same = value == "'*'" or (value == "'?'" and len(code) == 1) or code.lower() == text
    return same != (modifier == "|neq")


_RENAMED = """\
title: Renamed
logsource: {product: windows, category: process_creation}
detection: {s: {Image: x, CommandLine: y, ParentImage|fieldref: Image}, condition: s}
---
title: As it stands
logsource: {product: windows, service: security}
detection: {s: {Image: x, CommandLine: y}, t: {NewProcessName: x}, condition: s or not t}
"""


def test_fields_go_by_the_names_of_the_log_source() -> None:
    """Two rules may ask the same question of different fields of one event, each by its log source's names."""
    made = _plan(_RENAMED, ("windows", "Security", "4688"))
    asked = {
        item.rule.header.title: sorted(str(made.atoms[index].field) for index in expression.atoms_of(item.condition))
        for item in made.rules
    }
    assert asked == {
        "Renamed": ["CommandLine", "NewProcessName", "ParentProcessName"],
        "As it stands": ["CommandLine", "Image", "NewProcessName"],
    }
    (same,) = [atom.pattern for atom in made.atoms.values() if atom.field == "ParentProcessName"]
    assert getattr(same, "other", None) == "NewProcessName"
    positions = {item.rule.header.title: position for position, item in enumerate(made.rules)}
    assert made.always == (positions["As it stands"],)
    anchors = [made.atoms[index].field for index, found in made.by_atom.items() if positions["Renamed"] in found]
    assert len(anchors) == 1


def test_kinds_that_all_rules_see_alike_share_a_plan() -> None:
    plan = compile_plan(parse_file(Path("rules.yml"), _RENAMED.encode()))
    plans = KindPlans(plan, LogSources.packaged())
    kinds = [EventKind(product="windows", channel="Security", code=code) for code in ("1", "2", "4688")]
    one, two, creation = map(plans.build, kinds)
    assert one is two
    assert one is not creation
