"""Digits as detectors see them: a view of a folded text, of the same length, with numerals in kanji as digits."""

from bisect import bisect_right
from collections.abc import Iterator
from functools import wraps

from sakimori.gateway.boundary.detectors.detector import Detector
from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit

_KANJI_DIGITS = str.maketrans("〇零一二三四五六七八九", "00123456789")
_RUN = Gate("[〇零一二三四五六七八九](?:[〇零一二三四五六七八九]|[-ー・ の](?=[〇零一二三四五六七八九])){3,40}")


def with_digits(text: str) -> str:
    """Runs of four and more positional kanji numerals as ASCII digits; the small words 一 and 二 stay as they are."""
    if text.isascii() or not _RUN.may_match(text):
        return text
    return _plain(text)


def _plain(text: str) -> str:
    return _RUN.pattern.sub(lambda run: run[0].translate(_KANJI_DIGITS).replace("の", "-").replace("ー", "-"), text)


def also_in_kanji(detect: Detector) -> Detector:
    """The detector, which reads lines with runs of kanji numerals a second time, as digits."""

    @wraps(detect)
    def read(folded: Folded) -> Iterator[Hit]:
        yield from detect(folded)
        text = folded.text
        lines = [] if text.isascii() else _lines(text)
        if not lines:
            return
        digits = "\n".join(_plain(text[start:end]) for start, end in lines)
        cased = "\n".join(folded.cased[start:end] for start, end in lines)
        places = [0]
        for start, end in lines:
            places.append(places[-1] + end - start + 1)
        for hit in detect(Folded(digits, cased)):
            number = bisect_right(places, hit.start) - 1
            start, end = lines[number]
            first = start + hit.start - places[number]
            last = first + hit.end - hit.start
            if last <= end and text[first:last] != digits[hit.start : hit.end]:
                yield hit._replace(start=first, end=last)

    return read


def _lines(text: str) -> list[tuple[int, int]]:
    """Where lines with runs of numerals stand; such as follow one another are one."""
    lines: list[tuple[int, int]] = []
    reach = 0
    for run in _RUN.finditer(text):
        if run.start() < reach:
            continue
        start = text.rfind("\n", reach, run.start()) + 1 or reach
        end = text.find("\n", run.end())
        reach = len(text) if end < 0 else end + 1
        end = len(text) if end < 0 else end
        if lines and lines[-1][1] + 1 == start:
            start = lines.pop()[0]
        lines.append((start, end))
    return lines
