"""Accounts of correlations: what came nearest, told from outside; and never at odds with what the engine finds."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sakimori.core import InputError
from sakimori.detect.sigma import trial
from sakimori.detect.sigma.trial import CorrelationAccount, Trial

from ..conftest import make_batch

_SOURCE = {"product": "test", "service": "log"}


def _base(name: str, **selection: Any) -> dict[str, Any]:
    detection = {"selection": selection, "condition": "selection"}
    return {"title": name.upper(), "name": name, "logsource": _SOURCE, "detection": detection}


def _correlation(kind: str, condition: object = None, *, title: str = "c", **members: Any) -> dict[str, Any]:
    section: dict[str, Any] = {"type": kind, "group-by": ["User"], "timespan": "10s"}
    if not isinstance(condition, str):
        section["rules"] = ["fail"]
    if condition is not None:
        section["condition"] = condition
    return {"title": title, "correlation": section | members}


_FAIL, _LOGON = _base("fail", Kind="fail"), _base("logon", Kind="logon")


def _accounts(
    folder: Path, rules: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]], *, most: int = 100
) -> list[CorrelationAccount]:
    path = folder / "rules.yml"
    path.write_text(yaml.safe_dump_all(rules), "utf-8")
    made = Trial.load(path, ())
    assert made
    made.detect(make_batch([{**event, "At": None} for event in events], times=[event["At"] for event in events]))
    return made.end(most)


def _event(at: float, user: str | None = "a", kind: str = "fail", **more: Any) -> dict[str, Any]:
    return {"At": at, "Kind": kind, **({} if user is None else {"User": user}), **more}


def test_rules_groups_and_the_fullest_window_are_told(tmp_path: Path) -> None:
    events = [_event(at) for at in (0, 1, 20, 21, 22, 50)] + [_event(3, "b"), _event(4, None), _event(5, kind="x")]
    (account,) = _accounts(tmp_path, [_FAIL, _correlation("event_count", {"gte": 4})], events)
    assert (account.subject, account.limits, account.fired, account.groups) == ("events", "≥ 4", 0, 2)
    (rule,) = account.rules
    assert (rule.seen, rule.matched, rule.took_part, rule.lacking) == (9, 8, 7, {"lacks User": 1})
    nearest, other = account.nearest
    assert (nearest.group, nearest.measured, nearest.holds) == ({"User": "a"}, 3, False)
    assert (nearest.first, nearest.last) == (20 * 10**9, 22 * 10**9)
    assert [id.rpartition("-")[2] for id in nearest.event_ids] == ["2", "3", "4"]
    assert (other.group, other.measured) == ({"User": "b"}, 1)


def test_a_group_that_fired_comes_first_with_how_much_there_was(tmp_path: Path) -> None:
    events = [_event(at / 10) for at in range(50)] + [_event(1, "b")]
    (account,) = _accounts(tmp_path, [_FAIL, _correlation("event_count", {"gte": 4})], events, most=1)
    (group,) = account.nearest
    assert (account.fired, group.fired, group.measured, group.holds) == (1, 1, 50, True)


@pytest.mark.parametrize(
    ("kind", "condition", "asks", "measured"),
    [
        ("value_count", {"field": "V", "gt": 3, "lt": 9}, "different values of V > 3 and < 9", 3),
        ("value_sum", {"field": "V", "gte": 100}, "sum of V ≥ 100", 13),
        ("value_avg", {"field": "V", "gt": 6.5}, "average of V > 6.5", 6.5),
        ("value_median", {"field": "V", "eq": 1}, "median of V = 1", 6.5),
        ("value_percentile", {"field": "V", "gt": 9, "percentile": 75}, "percentile 75 of V > 9", 6.75),
        (
            "value_percentile",
            {"field": "V", "lt": 9},
            "percent of the events that share one value of V < 9",
            Fraction(100, 3),
        ),
    ],
)
def test_each_measure_is_told_in_words_with_its_value(
    tmp_path: Path, kind: str, condition: object, asks: str, measured: float | Fraction
) -> None:
    events = [_event(0, V=6), _event(1, V=7), _event(2, V="many"), _event(3)]
    (account,) = _accounts(tmp_path, [_FAIL, _correlation(kind, condition)], events)
    (group,) = account.nearest
    assert f"{account.subject} {account.limits}" == asks
    texts = measured in (3, Fraction(100, 3))
    assert account.rules[0].lacking == ({"lacks V": 1} if texts else {"V is no number": 1, "lacks V": 1})
    assert group.measured == measured
    assert not group.holds
    assert account.fired == 0


def test_of_a_sequence_the_rules_that_occurred_and_their_order_are_told(tmp_path: Path) -> None:
    ordered = _correlation("temporal_ordered", rules=["fail", "logon"])
    (account,) = _accounts(tmp_path, [_FAIL, _LOGON, ordered], [_event(0, kind="logon"), _event(1), _event(2)])
    (group,) = account.nearest
    assert (group.measured, group.holds) == (1, False)
    assert sorted(group.occurred.values()) == [1, 2]
    assert account.subject == "rules that match one after the other"


def test_a_condition_over_names_is_told_as_it_is_meant(tmp_path: Path) -> None:
    temporal = _correlation("temporal", "fail and not logon")
    (account,) = _accounts(tmp_path, [_FAIL, _LOGON, temporal], [_event(0), _event(1, kind="logon")])
    assert (account.subject, account.limits) == ("'fail' and not 'logon'", "")
    assert (account.nearest[0].measured, account.nearest[0].holds) == (None, False)


def test_an_alias_that_an_event_lacks_is_told_by_its_own_name(tmp_path: Path) -> None:
    correlation = _correlation("event_count", {"gte": 2})
    correlation["correlation"] |= {"aliases": {"who": {"fail": "Account"}}, "group-by": ["who"]}
    (account,) = _accounts(tmp_path, [_FAIL, correlation], [_event(0)])
    assert account.rules[0].lacking == {"lacks who (Account)": 1}
    assert account.nearest == []


def test_a_rule_without_values_and_one_without_events_of_its_source_are_told(tmp_path: Path) -> None:
    waiting = _base("fail", **{"Kind|expand": "%kinds%"})
    other = _LOGON | {"logsource": {"product": "other"}}
    temporal = _correlation("temporal", rules=["fail", "logon"])
    (account,) = _accounts(tmp_path, [waiting, other, temporal], [_event(0)])
    assert [(rule.placeholders, rule.seen) for rule in account.rules] == [(("kinds",), 1), ((), 0)]


def test_a_correlation_above_others_counts_their_findings(tmp_path: Path) -> None:
    below = _correlation("event_count", {"gte": 2}, title="below") | {"name": "below"}
    above = _correlation("event_count", {"gte": 3}, rules=["below"], timespan="60s")
    accounts = _accounts(tmp_path, [_FAIL, below, above], [_event(at) for at in (0, 1, 30, 31)])
    assert [account.fired for account in accounts] == [2, 0]
    (rule,) = accounts[1].rules
    assert (rule.source, rule.matched) == (None, 2)
    assert accounts[1].nearest[0].measured == 2


def test_more_events_than_can_be_measured_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "MOST_EXAMINED", 3)
    events = [_event(at) for at in range(5)]
    (account,) = _accounts(tmp_path, [_FAIL, _correlation("event_count", {"gte": 5})], events)
    assert (account.fired, account.unexamined, account.nearest[0].measured) == (1, 2, 3)


def test_what_it_refers_to_may_lie_elsewhere(tmp_path: Path) -> None:
    alone = tmp_path / "alone.yml"
    alone.write_text(yaml.safe_dump(_correlation("event_count", {"gte": 2})), "utf-8")
    with pytest.raises(InputError, match=r"alone.yml:\d+: refers to a rule 'fail' that is not there: .* --rules"):
        Trial.load(alone, ())
    (tmp_path / "fail.yml").write_text(yaml.safe_dump(_FAIL), "utf-8")
    made = Trial.load(alone, [tmp_path])
    assert made
    made.detect(make_batch([{"Kind": "fail", "User": "a"}] * 2))
    assert [account.fired for account in made.end(1)] == [1]


def test_a_file_without_correlations_is_not_for_this(tmp_path: Path) -> None:
    path = tmp_path / "fail.yml"
    path.write_text(yaml.safe_dump(_FAIL), "utf-8")
    assert Trial.load(path, ()) is None


_ALL = [
    _correlation("event_count", {"gte": 3}),
    _correlation("event_count", {"gt": 1, "lte": 3}),
    _correlation("event_count", {"neq": 2}),
    _correlation("value_count", {"field": "V", "gte": 2}),
    _correlation("value_sum", {"field": "V", "gt": 8}),
    _correlation("value_avg", {"field": "V", "lt": 3}),
    _correlation("value_median", {"field": "V", "eq": 4}),
    _correlation("value_percentile", {"field": "V", "gte": 4, "percentile": 75}),
    _correlation("value_percentile", {"field": "V", "lt": 40}),
    _correlation("temporal", rules=["fail", "logon"]),
    _correlation("temporal_ordered", rules=["logon", "fail"]),
    _correlation("temporal_ordered", "logon and fail"),
    _correlation("temporal", "fail and not logon"),
    _correlation("temporal", "fail or logon"),
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    stream=st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from("ab"), st.sampled_from(["fail", "logon"]), st.integers(-2, 9)),
        max_size=25,
    )
)
def test_a_group_holds_what_is_asked_for_where_the_engine_fires(
    tmp_path: Path, stream: list[tuple[int, str, str, int]]
) -> None:
    events = [_event(at, user, kind, V=value) for at, user, kind, value in sorted(stream)]
    rules = [item | {"title": f"c{number}"} for number, item in enumerate(_ALL)]
    for account in _accounts(tmp_path, [_FAIL, _LOGON, *rules], events or [_event(0, None)]):
        told = [(group.group, group.fired > 0) for group in account.nearest]
        assert told == [(group.group, group.holds) for group in account.nearest], account.title
        assert account.fired == sum(group.fired for group in account.nearest)
