"""The outcome picture: hosts lost over time, with and without the defence."""

from sakimori.core import Nanos
from sakimori.share import axis
from sakimori.share.contents import DrillOutcome

_LEFT, _WIDTH, _TOP, _HEIGHT, _BELOW = 60, 900, 18, 200, 40
_SECOND = 1_000_000_000


def draw(outcome: DrillOutcome, *, offset_hours: int) -> str:
    """An SVG with two step lines; y runs from no host to all hosts."""
    curves = (outcome.curve_undefended, outcome.curve_defended)
    times = [outcome.first_malicious, *(time for points in curves for time, _ in points)]
    start, end = min(times), max(times)
    span = max(end - start, _SECOND)

    def x(time: Nanos) -> float:
        return _LEFT + (time - start) / span * _WIDTH

    def y(lost: int) -> float:
        return _TOP + _HEIGHT * (1 - lost / max(outcome.hosts, 1))

    parts = [
        f'<svg class="curve" viewBox="0 0 {_LEFT + _WIDTH + 110} {_TOP + _HEIGHT + _BELOW}" role="img" '
        'xmlns="http://www.w3.org/2000/svg">'
    ]
    for lost in sorted({0, outcome.hosts // 2, outcome.hosts}):
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y(lost):.1f}" y2="{y(lost):.1f}"/>'
            f'<text class="name" x="{_LEFT - 10}" y="{y(lost) + 4:.1f}">{lost}</text>'
        )
    for time in axis.ticks(start, end):
        label = axis.label(time, span=span, offset_hours=offset_hours)
        parts.append(f'<text class="tick" x="{x(time):.1f}" y="{_TOP + _HEIGHT + 22}">{label}</text>')
    names = (("undefended", "without", "防御なし"), ("defended", "with defence", "防御あり"))
    for points, (style, english, japanese) in zip(curves, names, strict=True):
        path, lost = f"M{x(start):.1f} {y(0):.1f}", 0
        for time, total in points:
            path += f" H{x(time):.1f} V{y(total):.1f}"
            lost = total
        path += f" H{x(end):.1f}"
        parts.append(
            f'<path class="{style}" d="{path}"/><text class="{style}" x="{_LEFT + _WIDTH + 8}" y="{y(lost) + 4:.1f}">'
            f'{lost} <tspan lang="en">{english}</tspan><tspan lang="ja">{japanese}</tspan></text>'
        )
    if outcome.contained is not None and start <= outcome.contained <= end:
        at = x(outcome.contained)
        parts.append(
            f'<line class="contained" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{_TOP + _HEIGHT}"/>'
            f'<text class="contained" x="{at + 5:.1f}" y="{_TOP + 12}"><tspan lang="en">contained</tspan>'
            f'<tspan lang="ja">封じ込め</tspan></text>'
        )
    parts.append("</svg>")
    return "".join(parts)
