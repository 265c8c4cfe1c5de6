"""The timeline picture: marks on lanes over time, as one inline SVG in two languages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from sakimori.core import Nanos, rfc3339
from sakimori.share import axis

_LEFT, _WIDTH, _RIGHT = 190, 960, 24
_LANE, _TOP, _AXIS = 34, 16, 34
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Mark:
    time: Nanos
    style: str
    """CSS class: a severity, ``decided``, ``done`` or ``undone``."""
    label: str


@dataclass(frozen=True, slots=True)
class Lane:
    name_en: str
    name_ja: str
    marks: Sequence[Mark]


def draw(lanes: Sequence[Lane], *, offset_hours: int) -> str:
    """An SVG as wide as its container. Marks that would lie on one another are drawn as one larger mark.

    Args:
        lanes: top to bottom; lanes without marks are left out.
        offset_hours: zone of the axis labels, hours east of UTC.
    """
    lanes = [lane for lane in lanes if lane.marks]
    if not lanes:
        return ""
    times = [mark.time for lane in lanes for mark in lane.marks]
    start, end = min(times), max(times)
    span = max(end - start, _SECOND)
    start, end = start - span // 50, end + span // 50
    height = _TOP + _LANE * len(lanes) + _AXIS

    def x(time: Nanos) -> float:
        return _LEFT + (time - start) / (end - start) * _WIDTH

    parts = [
        f'<svg class="timeline" viewBox="0 0 {_LEFT + _WIDTH + _RIGHT} {height}" role="img" '
        'xmlns="http://www.w3.org/2000/svg">'
    ]
    for tick in axis.ticks(start, end):
        label = axis.label(tick, span=span, offset_hours=offset_hours)
        parts.append(
            f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{_TOP}" y2="{height - _AXIS + 4}"/>'
            f'<text class="tick" x="{x(tick):.1f}" y="{height - 12}">{label}</text>'
        )
    for index, lane in enumerate(lanes):
        y = _TOP + _LANE * index + _LANE / 2
        parts.append(
            f'<line class="lane" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y}" y2="{y}"/>'
            f'<text class="name" x="{_LEFT - 12}" y="{y + 4}"><tspan lang="en">{escape(lane.name_en)}</tspan>'
            f'<tspan lang="ja">{escape(lane.name_ja)}</tspan></text>'
        )
        parts.extend(_marks(lane.marks, x, y))
    parts.append("</svg>")
    return "".join(parts)


def _marks(marks: Sequence[Mark], x: Callable[[Nanos], float], y: float) -> list[str]:
    groups: dict[tuple[int, str], list[Mark]] = {}
    for mark in sorted(marks, key=lambda mark: mark.time):
        groups.setdefault((round(x(mark.time) / 7), mark.style), []).append(mark)
    drawn: list[str] = []
    for (_, style), group in groups.items():
        radius = min(5 + 1.6 * (len(group) - 1) ** 0.5, 13)
        lines = [f"{rfc3339(mark.time)[:19]}Z {mark.label}" for mark in group[:8]]
        if len(group) > 8:
            lines.append(f"… +{len(group) - 8}")
        title = escape("\n".join(lines))
        drawn.append(
            f'<circle class="{style}" cx="{x(group[0].time):.1f}" cy="{y}" r="{radius:.1f}"><title>{title}</title>'
            "</circle>"
        )
    return drawn
