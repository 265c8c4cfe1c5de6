from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.core import ManualClock, parse_rfc3339, rfc3339

_EARLIEST = -2_000_000_000 * 10**9
_LATEST = 200_000_000_000 * 10**9


@given(st.integers(_EARLIEST, _LATEST))
def test_a_time_survives_being_written_and_read(time: int) -> None:
    assert parse_rfc3339(rfc3339(time)) == time


@given(st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(2900, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_offsets_are_applied(moment: datetime, minutes: int) -> None:
    sign = "-" if minutes < 0 else "+"
    text = f"{moment.isoformat()}{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    delta = moment.replace(tzinfo=UTC) - timedelta(minutes=minutes) - datetime(1970, 1, 1, tzinfo=UTC)
    assert parse_rfc3339(text) == (delta // timedelta(microseconds=1)) * 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01 00:00:01.5", 1_500_000_000),
        ("2020-09-21T23:26:07.434123456Z", 1600730767434123456),
        ("2020-09-22T08:26:07.434+09:00", 1600730767434000000),
    ],
)
def test_known_times(text: str, expected: int) -> None:
    assert parse_rfc3339(text) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2020-13-01T00:00:00Z", "2020-09-21T25:00:00Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_rfc3339(text)


def test_a_manual_clock_stands_still() -> None:
    clock = ManualClock(5)
    assert clock.now() == clock.now() == 5
    clock.set(7)
    assert clock.now() == 7
