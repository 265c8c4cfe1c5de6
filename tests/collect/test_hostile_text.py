"""Hostile and broken text, as docs/collect.md ("Encodings and broken text") says what becomes of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.collect.conftest import NOW, Reading

from sakimori.collect import read
from sakimori.core import ManualClock, parse_rfc3339

LINE = b'{"EventID":1,"Channel":"x","n":%s}\n'


@pytest.mark.parametrize(
    ("value", "cell", "repaired"),
    [
        (b"123456789012345678901234567890", "123456789012345678901234567890", 0),
        (b"-9223372036854775809", "-9223372036854775809", 0),
        (b"18446744073709551616", "18446744073709551616", 0),
        (b'1,"n":2', "2", 0),
        (b'"a\xffb"', "a\ufffdb", 1),
        (b'"a\xe9\x98b"', "a\ufffdb", 1),
        (b'"a\\ud800b"', "a\ufffdb", 1),
        (b'"a\0b"', "a\0b", 1),
        (b'"a\tb"', "a\tb", 1),
        ('"ａｄｍｉｎ"'.encode(), "ａｄｍｉｎ", 0),
        (b"[" * 900 + b"]" * 900, "(a value that is nested too deeply to be kept)", 0),
    ],
)
def test_odd_values_let_no_event_escape(
    value: bytes, cell: str, repaired: int, lines: Callable[[bytes], Reading]
) -> None:
    reading = lines(LINE % b"0" + LINE % value)
    assert [event["n"] for event in reading.events()] == ["0", cell]
    assert (reading.account.rejected, reading.account.repaired) == (0, repaired)


@pytest.mark.parametrize(
    "line",
    [b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b"[" * 10_000, b"\0" * 5000, b'{"EventID":1,"Channel":"x","n":NaN}'],
)
def test_what_is_no_record_is_one_reject_and_the_next_line_is_read(
    line: bytes, lines: Callable[[bytes], Reading]
) -> None:
    reading = lines(LINE % b"0" + line + b"\n" + LINE % b"1")
    assert [event["n"] for event in reading.events()] == ["0", "1"]
    assert [item.offset for item in reading.rejected] == [len(LINE % b"0")]


def test_nuls_around_a_record_are_passed_over(lines: Callable[[bytes], Reading]) -> None:
    """As logrotate's ``copytruncate`` leaves before the first line, and a preallocated file behind the last."""
    reading = lines(LINE % b"0" + bytes(5000) + LINE % b"1" + (LINE % b"2").rstrip() + bytes(5000))
    assert [event["n"] for event in reading.events()] == ["0", "1", "2"]
    assert (reading.account.rejected, reading.account.repaired) == (0, 2)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2999-01-01T00:00:00Z", None),
        ("2261-12-31T23:59:59Z", "2261-12-31T23:59:59Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z"),
        ("1700-01-01T00:00:00Z", "1700-01-01T00:00:00Z"),
        ("2026-11-22T09:00:00+09:00", "2026-11-22T00:00:00Z"),
        ("2026-11-21T18:30:00-05:30", "2026-11-22T00:00:00Z"),
        ("2026-11-22 09:00:00", "2026-11-22T09:00:00Z"),
        ("令和八年", None),
    ],
)
def test_times_far_off_and_of_other_zones(text: str, time: str | None, lines: Callable[[bytes], Reading]) -> None:
    reading = lines(f'{{"EventID":1,"Channel":"x","TimeCreated":"{text}"}}\n'.encode())
    assert reading.times() == [NOW if time is None else parse_rfc3339(time)]
    assert reading.account.untimed == (time is None)


@pytest.mark.parametrize("size", [0, 100, 1_500_000])
def test_a_file_that_shrinks_while_it_is_read_says_so(size: int, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(LINE % b"0" * 60_000)
    items = read([path], tenant="bank", clock=ManualClock(NOW))
    first = next(items)
    with path.open("r+b") as file:
        file.truncate(size)
    reading = Reading([first, *items])
    assert reading.balanced()
    assert reading.account.notes == (
        "it changed while it was read, so events may be missing and raw records are lost: scan it again",
    )


def test_a_file_that_is_written_over_while_it_is_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(LINE % b"0" * 60_000)
    items = read([path], tenant="bank", clock=ManualClock(NOW))
    first = next(items)
    with path.open("r+b") as file:
        file.write(LINE % b"1")
    assert len(Reading([first, *items]).account.notes) == 1
