"""The report: what was seen, proved, decided, done and undone, in one HTML file that needs nothing else.

Every text is there in Japanese and English; the reader switches. The page runs no script and loads nothing, so it can
be mailed, printed and archived. Everything that came from outside is escaped, control and direction characters too.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from sakimori.core import Nanos, plain
from sakimori.records import StepState
from sakimori.share import attack, curve, timeline, words
from sakimori.share.contents import Report


def render(report: Report) -> str:
    """The whole HTML document."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((files("sakimori.content") / "report" / "report.html.j2").read_text("utf-8"))
    chart = curve.draw(report.outcome, offset_hours=report.offset_hours) if report.outcome else ""
    page = template.render(
        report=report,
        t=_both,
        w=_word,
        claimed=words.claimed_by,
        tactic=attack.tactic_name,
        marked=_marked,
        moment=partial(_moment, offset_hours=report.offset_hours),
        picture=Markup(timeline.draw(_lanes(report), offset_hours=report.offset_hours)),  # noqa: S704 (escaped there)
        chart=Markup(chart),  # noqa: S704 (escaped there)
    )
    return plain(page, keep="\n\t")


def _both(english: str, japanese: str, **values: object) -> Markup:
    """Both languages side by side; the style sheet shows one. ``values`` are escaped into ``{name}`` places."""
    safe: Mapping[str, object] = {name: escape(value) for name, value in values.items()}
    return Markup('<span lang="en">{}</span><span lang="ja">{}</span>').format(
        Markup(english.format_map(safe)),  # noqa: S704 (our own text)
        Markup(japanese.format_map(safe)),  # noqa: S704
    )


def _word(value: str) -> Markup:
    english, japanese = words.word(value)
    return _both("{en}", "{ja}", en=english, ja=japanese)


def _moment(time: Nanos, *, offset_hours: int) -> str:
    zone = timezone(timedelta(hours=offset_hours))
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time // 1000)
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _marked(text: str, spans: tuple[tuple[int, int, str], ...]) -> Markup:
    parts: list[Markup] = []
    done = 0
    for start, end, kind in sorted(spans):
        parts.append(escape(text[done:start]))
        parts.append(Markup('<mark title="{}">{}</mark>').format(kind, text[start:end]))
        done = end
    parts.append(escape(text[done:]))
    return Markup("").join(parts)


def _lanes(report: Report) -> list[timeline.Lane]:
    by_tactic: dict[str, list[timeline.Mark]] = {}
    decided: list[timeline.Mark] = []
    done: list[timeline.Mark] = []
    undone: list[timeline.Mark] = []
    for case in report.cases:
        for finding in case.findings:
            lane = finding.tactics[0] if finding.tactics else ""
            title = f"{finding.title} / {finding.title_ja}" if finding.title_ja else finding.title
            if finding.product:
                title += f" ({' / '.join(words.claimed_by(finding.product))})"
            mark = timeline.Mark(finding.first_time, finding.severity.label, title)
            by_tactic.setdefault(lane, []).append(mark)
        for verdict in case.verdicts:
            decided.append(timeline.Mark(verdict.made_at, "decided", f"{verdict.disposition} → {verdict.route}"))
        for execution in case.executions:
            for step in execution.steps:
                label = f"{step.action.command} {step.action.target.value}"
                if step.state is StepState.UNDONE:
                    undone.append(timeline.Mark(step.updated_at, "undone", label))
                if step.state in (StepState.DONE, StepState.UNDONE):
                    done.append(timeline.Mark(execution.started_at, "done", label))
    lanes = [
        timeline.Lane(*attack.tactic_name(tactic), by_tactic[tactic])
        for tactic in sorted(by_tactic, key=attack.tactic_order)
    ]
    return [
        *lanes,
        timeline.Lane("Decided", "判断", decided),
        timeline.Lane("Done", "実施", done),
        timeline.Lane("Undone", "取消", undone),
    ]
