import re

import pytest

from sakimori.gateway.boundary.detectors.search.reach import looked_for


@pytest.mark.parametrize("pattern", ["(?i)abc", "a*", "(?:x?)(?=y?)", r"\b"])
def test_a_pattern_that_cannot_be_looked_for_is_told_when_it_is_made(pattern: str) -> None:
    with pytest.raises(ValueError, match="a gate"):
        looked_for(pattern)


def test_no_pattern_is_no_gate() -> None:
    with pytest.raises(re.error):
        looked_for("(")


@pytest.mark.parametrize(
    ("pattern", "before", "after", "in_line"),
    [
        ("abc[0-9]{2}", 5, 5, True),
        ("abc[0-9]{2,9}", 3, 12, True),  # what follows the letters is left to ``re``
        ("a[0-9]{2,4}(?= yen)", 9, 9, True),
        ("[a-z]+;", None, None, True),
        (r"[a-z]+\s;", None, None, False),
    ],
)
def test_matches_lie_near_what_is_found(pattern: str, before: int | None, after: int | None, *, in_line: bool) -> None:
    """Bounds may be wider than they need be, by a few code points, and never narrower."""
    reach = looked_for(pattern)[1]
    for bound, expected in ((reach.before, before), (reach.after, after)):
        assert (bound is None) == (expected is None)
        assert bound is None or expected is None or expected <= bound <= expected + 4
    assert reach.in_line is in_line
