"""Correlations: state, bounds, lateness and order of arrival (what each type means is in tests/conformance/sigma)."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakimori.core import InputError
from sakimori.core.clock import NANOS_PER_SECOND
from sakimori.detect.sigma import correlate, group
from sakimori.detect.sigma.correlate import Correlator
from sakimori.detect.sigma.occurrence import Occurrence
from sakimori.detect.sigma.plan import Correlation, Header, Threshold
from sakimori.records import Entity, EntityType, EventRef, Evidence, Finding, Severity

SECOND = NANOS_PER_SECOND


def correlation(
    kind: str = "event_count",
    *,
    rules: Sequence[str] = ("fail",),
    operator: str = "gte",
    value: int = 3,
    seconds: int = 10,
) -> Correlation:
    header = Header("c-1", None, "Many", Severity.HIGH, "test", (), (), "rules.yml", 1)
    threshold = (Threshold(operator, value),)
    return Correlation(header, kind, tuple(rules), ("User",), seconds * SECOND, threshold, (), ())


def occurrence(at: float, *, number: int = 0, rule: str = "fail", user: str = "a", tenant: str = "bank") -> Occurrence:
    event_id = f"ev-{'0' * 24}-{number or round(at * 1000)}"
    time = round(at * SECOND)
    return Occurrence(
        rule=rule,
        tenant=tenant,
        source="x.ndjson",
        time=time,
        event=EventRef.parse(event_id),
        values={"User": user},
        entities=(Entity(type=EntityType.USER, value=user),),
        evidence=(Evidence(event_id=event_id, time=time, fields={"User": user}),),
    )


def run(correlator: Correlator, occurrences: Sequence[Occurrence]) -> list[Finding]:
    return [finding for item in occurrences for finding in correlator.add(item)] + correlator.flush()


def test_a_finding_tells_count_span_entities_and_events() -> None:
    (found,) = run(Correlator([correlation()]), [occurrence(1), occurrence(2), occurrence(3)])
    assert (found.count, found.first_time, found.last_time) == (3, 1 * SECOND, 3 * SECOND)
    assert found.entities == (Entity(type=EntityType.USER, value="a"),)
    assert len(found.event_ids) == 3
    assert found.severity is Severity.HIGH


@pytest.mark.parametrize("order", list(itertools.permutations([0, 4, 8])))
def test_every_order_of_arrival_gives_the_same_finding(order: Sequence[int]) -> None:
    found = run(Correlator([correlation()]), [occurrence(at) for at in order])
    assert [finding.id for finding in found] == [
        finding.id for finding in run(Correlator([correlation()]), [occurrence(at) for at in (0, 4, 8)])
    ]


def test_the_same_event_counts_once() -> None:
    assert run(Correlator([correlation()]), [occurrence(1)] * 5) == []


def test_tenants_are_never_counted_together() -> None:
    mixed = [occurrence(1), occurrence(2, tenant="other"), occurrence(3)]
    assert run(Correlator([correlation()]), mixed) == []


def test_state_survives_a_restart() -> None:
    before = Correlator([correlation()])
    assert before.add(occurrence(1)) == []
    assert before.add(occurrence(2)) == []
    after = Correlator([correlation()])
    after.restore(before.state())
    assert len(after.add(occurrence(3))) == 1
    again = Correlator([correlation()])
    again.restore(after.state())
    assert again.add(occurrence(4)) == [], "absorbed by the finding before the restart"


def test_a_state_of_something_else_is_refused() -> None:
    with pytest.raises(InputError, match="correlation-state"):
        Correlator([correlation()]).restore(b"[]")


def test_what_is_later_than_stated_is_left_out_and_counted() -> None:
    correlator = Correlator([correlation(seconds=10)], lateness=60 * SECOND)
    late = [occurrence(100), occurrence(29), occurrence(29.5), occurrence(29.9)]
    assert run(correlator, late) == []
    assert correlator.forgotten == 3


def test_what_is_late_within_the_statement_counts() -> None:
    correlator = Correlator([correlation(seconds=10)], lateness=60 * SECOND)
    assert len(run(correlator, [occurrence(100), occurrence(35), occurrence(36), occurrence(37)])) == 1


def test_one_groups_forged_time_does_not_age_another() -> None:
    correlator = Correlator([correlation()], lateness=SECOND)
    forged = occurrence(4_000_000_000, user="mallory")
    assert len(run(correlator, [occurrence(1), occurrence(2), forged, occurrence(3)])) == 1


def test_windows_that_can_be_spoilt_close_with_lateness() -> None:
    few = correlation(operator="lt", value=2)
    correlator = Correlator([few], lateness=5 * SECOND)
    assert correlator.add(occurrence(0)) == []
    assert correlator.add(occurrence(15)) == [], "10 s of window and 5 s of lateness are not over at 15 s"
    assert len(correlator.add(occurrence(15.001))) == 1


def test_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlate, "MOST_GROUPS", 2)
    correlator = Correlator([correlation()])
    people = ["a", "b", "a", "c", "a"]
    found = [correlator.add(occurrence(at, user=user)) for at, user in enumerate(people, 1)]
    assert len(found[-1]) == 1, "the group heard of last stays"
    assert correlator.forgotten == 1


def test_occurrences_per_group_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "MOST_ITEMS", 5)
    correlator = Correlator([correlation(value=100)])
    assert run(correlator, [occurrence(at) for at in range(20)]) == []
    assert correlator.forgotten == 15


def naive_bursts(times: Sequence[int], count: int, span: int) -> list[list[int]]:
    """In order of time: the first window that is full, then what lies beyond the window's whole span, and so on."""
    found: list[list[int]] = []
    rest = sorted(times)
    while True:
        windows = ([t for t in rest if end - span <= t <= end] for end in rest)
        full = next((window for window in windows if len(window) >= count), None)
        if full is None:
            return found
        found.append(full)
        rest = [t for t in rest if not full[0] <= t <= full[0] + span]


@settings(deadline=None)
@given(times=st.lists(st.integers(0, 60), max_size=25, unique=True), count=st.integers(2, 4))
def test_in_order_it_finds_what_a_naive_search_finds(times: list[int], count: int) -> None:
    found = run(Correlator([correlation(value=count)]), [occurrence(at, number=at + 1) for at in sorted(times)])
    expected = naive_bursts(times, count, 10)
    assert [[item.time // SECOND for item in finding.evidence] for finding in found] == expected


@settings(deadline=None)
@given(times=st.lists(st.integers(0, 60), max_size=20, unique=True), data=st.data())
def test_in_any_order_no_full_window_goes_unnoticed(times: list[int], data: st.DataObject) -> None:
    """Each three occurrences within the span have one of them within the span of all of a finding's."""
    order = data.draw(st.permutations(times))
    found = run(Correlator([correlation()]), [occurrence(at, number=at + 1) for at in order])
    covered = [(finding.last_time // SECOND - 10, finding.first_time // SECOND + 10) for finding in found]
    for window in itertools.combinations(sorted(times), 3):
        if window[-1] - window[0] <= 10:
            assert any(first <= at <= last for at in window for first, last in covered)
