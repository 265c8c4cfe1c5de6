"""Correlations: state, bounds, lateness and order of arrival (what each type means is in tests/conformance/sigma)."""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakimori.core import InputError
from sakimori.core.clock import NANOS_PER_SECOND
from sakimori.detect.sigma import group, windows
from sakimori.detect.sigma.correlate import Correlator
from sakimori.detect.sigma.expression import atom, conjunction, negation
from sakimori.detect.sigma.measure import Measure, percentile
from sakimori.detect.sigma.occurrence import Occurrence, kept_cell, kept_evidence
from sakimori.detect.sigma.plan import Correlation, Header, Threshold
from sakimori.detect.sigma.windows import StatePart
from sakimori.records import Entity, EntityType, EventRef, Evidence, Finding, Severity

SECOND = NANOS_PER_SECOND
HEADER = Header("c-1", None, "Many", Severity.HIGH, "test", (), (), "rules.yml", 1)
_ONLY_FAIL = conjunction([atom(0), negation(atom(1))])
"""``fail and not other``"""


def correlation(
    kind: str = "event_count",
    *,
    rules: Sequence[str] = ("fail",),
    operator: str = "gte",
    value: int = 3,
    seconds: int = 10,
) -> Correlation:
    threshold = (Threshold(operator, value),)
    return Correlation(HEADER, kind, tuple(rules), ("User",), seconds * SECOND, threshold, (), ())


_FEW = correlation(operator="lt", value=2)


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


def test_changes_are_the_state_piece_by_piece_whatever_happens() -> None:
    """What a store makes of the changes is the state, at every moment."""
    kept: dict[str, StatePart] = {}
    correlator = Correlator([correlation(), replace(_FEW, header=replace(HEADER, id="few"))], lateness=5 * SECOND)
    for at in range(0, 200, 3):
        user = "abc"[at // 20 % 3]
        correlator.add(occurrence(at, user=user))
        correlator.advance(at * SECOND)
        for part in correlator.changes():
            kept.pop(part.key, None)
            if part.value is not None:
                kept[part.key] = part
        assert sorted(kept.values(), key=lambda part: part.key) == sorted(correlator.state(), key=lambda part: part.key)
    assert correlator.changes() == []
    correlator.advance(1000 * SECOND)
    assert {part.key for part in correlator.changes() if part.value is None} == set(kept)


def test_a_part_names_the_sources_of_its_events() -> None:
    correlator = Correlator([correlation()])
    correlator.add(occurrence(1))
    (part,) = correlator.state()
    assert part.sources == {"0" * 24}


def test_what_cannot_be_restored_is_left_out_and_named() -> None:
    before = Correlator([correlation(), replace(_FEW, header=replace(HEADER, id="gone"))])
    before.add(occurrence(1))
    before.add(occurrence(2))
    parts = [*before.state(), StatePart("x", b"[]"), StatePart("y", b'{"schema": "sakimori.sigma-group/1"}')]
    after = Correlator([correlation()])
    left_out = after.restore(parts)
    assert [part.key in left_out for part in parts] == [False, True, True, True]
    assert left_out[parts[1].key] == "open windows were dropped: there is no correlation gone any more"
    assert len(after.add(occurrence(3))) == 1
    changed = Correlator([correlation(value=4)])
    assert list(changed.restore(before.state()[:1]).values()) == [
        "open windows were dropped: correlation 'Many' was changed since"
    ]
    assert changed.state() == []
    with pytest.raises(InputError, match="was changed since"):
        changed.merge(before.state()[:1])


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
    monkeypatch.setattr(windows, "MOST_GROUPS", 2)
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


def test_time_that_passes_closes_windows_without_another_event() -> None:
    correlator = Correlator([correlation(operator="lt", value=2)], lateness=5 * SECOND)
    assert correlator.add(occurrence(0)) == []
    assert correlator.advance(0) == []
    assert correlator.advance(15 * SECOND) == []
    assert len(correlator.advance(15 * SECOND + 1)) == 1
    assert correlator.add(occurrence(3)) == [], "later than stated: the window is answered for"
    assert correlator.advance(1000 * SECOND) == []
    assert correlator.flush() == []


def test_time_that_passes_forgets_quiet_groups() -> None:
    correlator = Correlator([correlation()], lateness=5 * SECOND)
    correlator.add(occurrence(0))
    correlator.advance(0)
    assert len(correlator.state()) == 1
    correlator.advance(26 * SECOND)
    assert correlator.state() == []


HOUR = 3600 * SECOND


@pytest.mark.parametrize("behind", [0, 5 * SECOND, HOUR, -HOUR])
def test_a_host_whose_clock_is_wrong_is_correlated_by_its_own_time(behind: int) -> None:
    """Four tries in as many rounds; setting a host's clock back hides nothing."""
    correlator = Correlator([correlation(value=4)], lateness=5 * SECOND)
    found: list[Finding] = []
    for at in (0, 3, 6, 9):
        found += correlator.add(occurrence(at))
        found += correlator.advance(at * SECOND + behind)
    assert len(found) == 1
    assert correlator.forgotten == 0


def test_old_events_that_come_in_many_rounds_wait_for_each_other() -> None:
    """A source was cut off for an hour; what it held back is read bit by bit, and nothing of it is too late."""
    correlator = Correlator([correlation(operator="lt", value=3, seconds=60)], lateness=5 * SECOND)
    for number, at in enumerate((0, 20, 40)):
        assert correlator.add(occurrence(at)) == []
        assert correlator.advance(HOUR + number * SECOND) == []
    assert correlator.advance(2 * HOUR) == [], "three are not fewer than three"
    assert correlator.forgotten == 0


def test_one_late_event_after_the_other_holds_no_window_open() -> None:
    correlator = Correlator([correlation(operator="lt", value=100)], lateness=5 * SECOND)
    correlator.add(occurrence(10))
    found = correlator.advance(10 * SECOND)
    for second in range(11, 27):
        found += correlator.add(occurrence(9.5 - second / 1000))
        found += correlator.advance(second * SECOND)
    assert len(found) == 1


def test_a_clock_that_is_set_forward_by_mistake_ages_nobody_for_good() -> None:
    correlator = Correlator([correlation()], lateness=5 * SECOND)
    correlator.add(occurrence(0))
    correlator.advance(100 * HOUR)
    correlator.advance(1 * SECOND)
    assert correlator.add(occurrence(1)) == []
    assert len(correlator.add(occurrence(2)) + correlator.add(occurrence(3))) == 1


def test_without_a_stated_lateness_time_decides_nothing() -> None:
    correlator = Correlator([correlation(operator="lt", value=2)])
    correlator.add(occurrence(0))
    assert correlator.advance(10**18) == []
    assert len(correlator.flush()) == 1


def test_a_correlation_waits_for_one_below_that_waits_for_its_window() -> None:
    """``few`` fires 15 s after its event; ``both`` still takes it, though it knows of much later events."""
    few = replace(correlation(operator="lt", value=2), header=replace(HEADER, id="few"))
    both = replace(correlation("temporal", rules=("few", "other"), value=2, seconds=3), header=replace(HEADER, id="up"))
    correlator = Correlator([few, both], lateness=5 * SECOND)
    correlator.add(occurrence(0))
    correlator.add(occurrence(1, rule="other"))
    correlator.advance(1 * SECOND)
    correlator.add(occurrence(17, rule="other"))
    assert [finding.rule_id for finding in correlator.advance(17 * SECOND)] == ["few", "up"]


def test_the_order_in_which_a_log_is_read_makes_no_difference_to_one_burst() -> None:
    times = [at / 10 for at in range(50)]
    forwards = run(Correlator([correlation()]), [occurrence(at, number=round(at * 10) + 1) for at in times])
    backwards = run(Correlator([correlation()]), [occurrence(at, number=round(at * 10) + 1) for at in times[::-1]])
    assert len(forwards) == len(backwards) == 1


def test_a_flood_of_one_thing_does_not_push_out_another() -> None:
    both = correlation("temporal", rules=("rare", "noise", "end"), value=3, seconds=100)
    correlator = Correlator([both], lateness=0)
    correlator.add(occurrence(0, rule="rare", number=1))
    for number in range(30_000):
        assert correlator.add(occurrence(1 + number / 1000, rule="noise", number=number + 2)) == []
    (found,) = correlator.add(occurrence(40, rule="end", number=99_999))
    assert found.count == 30_002
    assert len(found.evidence) == windows.MOST_EVIDENCE
    assert (found.first_time, found.last_time) == (0, 40 * SECOND)
    assert correlator.forgotten == 0


def test_a_count_beyond_what_a_group_keeps_is_reached() -> None:
    correlator = Correlator([correlation(value=30_000, seconds=100)])
    found = [f for n in range(30_000) for f in correlator.add(occurrence(n / 1000, number=n + 1))]
    assert [finding.count for finding in found] == [30_000]


@pytest.mark.parametrize("operator", ["lt", "gte"])
def test_one_key_with_a_million_open_windows(operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window every twenty seconds for years, in no order, nothing too late: what is kept stays bounded."""
    monkeypatch.setattr(group, "MOST_ITEMS", 500)
    monkeypatch.setattr(group, "MOST_COVERED", 500)
    correlator = Correlator([correlation(operator=operator, value=2)])
    found = 0
    many = 50_000
    for number in range(many):
        at = number * 7919 % many * 20
        found += len(correlator.add(occurrence(at, number=number + 1)))
    assert sum(len(part.value or b"") for part in correlator.state()) < 1_000_000
    found += len(correlator.flush())
    if operator == "lt":
        assert found == many
    else:
        assert (found, correlator.forgotten) == (0, pytest.approx(many, abs=500))


def test_long_cells_are_kept_as_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "x" * 1_000_000
    assert kept_cell(long) == kept_cell(long.upper()) != kept_cell(long + "y")
    assert kept_cell("short") == "short"
    proof = Evidence(event_id="ev-" + "0" * 24 + "-1", time=0, fields={"A": long, "B": "b"})
    assert kept_evidence(proof).fields == {"B": "b"}


_TYPES = [
    correlation(),
    correlation(operator="lt", value=3),
    correlation(operator="eq", value=2),
    replace(correlation("value_count", value=2), fields=("V",)),
    replace(correlation("value_sum", value=12), fields=("V",)),
    replace(correlation("value_avg", value=4), fields=("V",)),
    replace(correlation("value_median", value=4), fields=("V",)),
    replace(correlation("value_percentile", value=4), fields=("V",), percentile=75),
    replace(correlation("value_percentile", operator="lt", value=50), fields=("V",)),
    correlation("temporal", rules=("fail", "other"), value=2),
    correlation("temporal_ordered", rules=("fail", "other"), value=2),
    replace(correlation("temporal", rules=("fail", "other")), condition=_ONLY_FAIL),
]
_ABOVE = replace(
    correlation("temporal", rules=("c-0", "c-1"), value=2, seconds=30), header=replace(HEADER, id="over the others")
)
_ALL = [*(replace(item, header=replace(HEADER, id=f"c-{number}")) for number, item in enumerate(_TYPES)), _ABOVE]


@st.composite
def _stream(draw: st.DrawFn) -> list[Occurrence]:
    entries = draw(
        st.lists(
            st.tuples(
                st.integers(0, 60), st.sampled_from("abcd"), st.sampled_from(["fail", "other"]), st.integers(-2, 9)
            ),
            max_size=40,
        )
    )
    return [
        replace(occurrence(at, number=number, rule=rule, user=user), values={"User": user, "V": str(value)})
        for number, (at, user, rule, value) in enumerate(entries, 1)
    ]


@given(stream=_stream(), cut=st.integers(0, 40), lateness=st.sampled_from([None, 0, 7 * SECOND]))
def test_work_shared_out_by_key_finds_the_same(stream: list[Occurrence], cut: int, lateness: int | None) -> None:
    """Two workers share a stream out by key; at any point one takes over the other's state and goes on alone."""
    alone = Correlator(_ALL, lateness=lateness)
    expected = [finding.id for item in stream for finding in alone.add(item)]
    expected += [finding.id for finding in alone.flush()]
    workers = [Correlator(_ALL, lateness=lateness), Correlator(_ALL, lateness=lateness)]
    found: list[Finding] = []
    for item in stream[:cut]:
        found += workers[item.values["User"] in "ab"].add(item)
    one, other = workers
    assert one.merge(other.state()) == []
    again = Correlator(_ALL, lateness=lateness)
    again.restore(one.state())
    for item in stream[cut:]:
        found += again.add(item)
    found += again.flush()
    assert sorted(finding.id for finding in found) == sorted(expected)


@settings(deadline=None)
@given(stream=_stream(), restarts=st.sets(st.integers(0, 40)), lateness=st.sampled_from([None, 0, 7 * SECOND]))
def test_a_restart_after_any_round_changes_nothing(
    stream: list[Occurrence], restarts: set[int], lateness: int | None
) -> None:
    """Each round's changes are kept, and whoever comes next goes on from what was kept."""
    ordered = sorted(stream, key=lambda item: item.time)
    found: list[list[str]] = []
    for restarting in (False, True):
        correlator, kept = Correlator(_ALL, lateness=lateness), dict[str, StatePart]()
        seen: list[Finding] = []
        for number, item in enumerate(ordered):
            seen += correlator.add(item) + correlator.advance(item.time)
            kept |= {part.key: part for part in correlator.changes()}
            if restarting and number in restarts:
                correlator = Correlator(_ALL, lateness=lateness)
                assert correlator.restore([part for part in kept.values() if part.value is not None]) == {}
        seen += correlator.flush()
        found.append(sorted(finding.id for finding in seen))
    assert found[0] == found[1]


@given(stream=_stream(), data=st.data())
def test_windows_that_can_be_spoilt_do_not_depend_on_the_order_of_arrival(
    stream: list[Occurrence], data: st.DataObject
) -> None:
    falling = [item for item in _ALL if not Measure(item).rising]
    shuffled = data.draw(st.permutations(stream))
    found = [sorted(item.id for item in run(Correlator(falling), order)) for order in (stream, shuffled)]
    assert found[0] == found[1]


@given(
    numbers=st.lists(st.fractions(-5, 5), min_size=1, max_size=12),
    share=st.sampled_from([0, 1, 12.5, 25, 50, 99.9, 100]),
)
def test_percentiles_are_those_of_numpy(numbers: list[Fraction], share: float) -> None:
    expected = np.percentile([float(number) for number in numbers], share)
    assert float(percentile(Counter(numbers), share)) == pytest.approx(expected)
