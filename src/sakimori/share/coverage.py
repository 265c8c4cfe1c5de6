"""The coverage picture: which ATT&CK techniques rules claim to see, by tactic, in one HTML file in two languages.

Which tactics a technique belongs to is learnt from the rules that name no other technique: a rule that names several
of both does not say which belongs to which. What no rule names is not shown: this is a picture of the rules.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from sakimori.core import Nanos, plain, rfc3339
from sakimori.records import Severity, record
from sakimori.share import attack

_OFTEN = 5
"""One rule in so many may name a tactic; fewer are taken for slips."""


@record
class CoveredRule:
    """What a rule says of itself."""

    title: str
    title_ja: str
    severity: Severity
    tactics: tuple[str, ...]
    """ATT&CK tactic short names."""
    techniques: tuple[str, ...]
    """ATT&CK technique ids; sub-techniques as ``T1059.001``."""


@record
class Cell:
    """A technique under a tactic, its sub-techniques included."""

    technique: str
    """The technique's id, without sub-technique."""
    rules: int
    subtechniques: tuple[tuple[str, int], ...]
    """(id, number of rules), in order of the ids."""
    titles: tuple[tuple[str, str], ...]
    """(English, Japanese) titles of the rules, the most severe first; a rule without Japanese title stands for both."""


@record
class Column:
    tactic: str
    rules: int
    """Rules that name the tactic, with a technique or without."""
    cells: tuple[Cell, ...]
    """In order of the techniques' ids."""


@record
class Matrix:
    columns: tuple[Column, ...]
    """In the order of ATT&CK's matrix."""
    rules: int
    tagged: int
    """Rules that name a technique or a tactic."""
    techniques: int
    """Different techniques, sub-techniques not counted."""

    @property
    def most(self) -> int:
        """Rules of the fullest cell."""
        return max((cell.rules for column in self.columns for cell in column.cells), default=0)


def coverage_matrix(rules: Sequence[CoveredRule]) -> Matrix:
    """Techniques beside which no rule names a tactic stand under a column of their own, last."""
    homes = _homes(rules)
    named: defaultdict[str, int] = defaultdict(int)
    cells: defaultdict[str, defaultdict[str, list[CoveredRule]]] = defaultdict(lambda: defaultdict(list))
    for rule in rules:
        for tactic in rule.tactics:
            named[tactic] += 1
        for technique in _parents(rule):
            for tactic in homes[technique].intersection(rule.tactics) or homes[technique]:
                cells[tactic][technique].append(rule)
    tactics = sorted({*named, *cells}, key=lambda tactic: (attack.tactic_order(tactic), tactic == "", tactic))
    return Matrix(
        columns=tuple(
            Column(
                tactic=tactic,
                rules=named[tactic],
                cells=tuple(_cell(technique, cells[tactic][technique]) for technique in sorted(cells[tactic])),
            )
            for tactic in tactics
        ),
        rules=len(rules),
        tagged=sum(bool(rule.tactics or rule.techniques) for rule in rules),
        techniques=len({_parent(name) for rule in rules for name in rule.techniques}),
    )


def _parent(technique: str) -> str:
    return technique.partition(".")[0]


def _parents(rule: CoveredRule) -> frozenset[str]:
    return frozenset(map(_parent, rule.techniques))


def _homes(rules: Iterable[CoveredRule]) -> dict[str, frozenset[str]]:
    """Technique → its tactics: those named by a fifth of the rules about it alone, else of all rules that name it."""
    alone: defaultdict[str, list[CoveredRule]] = defaultdict(list)
    anyhow: defaultdict[str, list[CoveredRule]] = defaultdict(list)
    for rule in rules:
        techniques = _parents(rule)
        for technique in techniques:
            anyhow[technique].append(rule)
            if len(techniques) == 1 and rule.tactics:
                alone[technique].append(rule)
    homes: dict[str, frozenset[str]] = {}
    for technique, naming in anyhow.items():
        telling = alone[technique] or naming
        counts = Counter(tactic for rule in telling for tactic in rule.tactics)
        often = (tactic for tactic, count in counts.items() if count * _OFTEN >= len(telling))
        homes[technique] = frozenset(often) or frozenset(counts) or frozenset(("",))
    return homes


def _cell(technique: str, rules: Sequence[CoveredRule]) -> Cell:
    below: defaultdict[str, int] = defaultdict(int)
    for rule in rules:
        for name in set(rule.techniques):
            if name != technique and _parent(name) == technique:
                below[name] += 1
    ordered = sorted(rules, key=lambda rule: (-rule.severity, rule.title))
    titles = tuple(dict.fromkeys((rule.title, rule.title_ja or rule.title) for rule in ordered))
    return Cell(technique=technique, rules=len(rules), subtechniques=tuple(sorted(below.items())), titles=titles)


def render_coverage(rules: Sequence[CoveredRule], *, made_at: Nanos, language: str) -> str:
    """The whole HTML document. It runs no script and loads nothing; ``language`` is the one it opens in."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((files("sakimori.content") / "report" / "coverage.html.j2").read_text("utf-8"))
    page = template.render(
        matrix=coverage_matrix(rules),
        tactic=attack.tactic_name,
        heat=heat,
        t=_both,
        made=rfc3339(made_at)[:10],
        language=language,
    )
    return plain(page, keep="\n\t")


def heat(rules: int) -> int:
    """1 to 5, by powers of three: 1–2, 3–8, 9–26, 27–80, and more rules."""
    return sum(rules >= bound for bound in (1, 3, 9, 27, 81))


def _both(english: str, japanese: str, **values: object) -> Markup:
    safe = {name: escape(value) for name, value in values.items()}
    return Markup('<span lang="en">{}</span><span lang="ja">{}</span>').format(
        Markup(english.format_map(safe)),  # noqa: S704 (our own text)
        Markup(japanese.format_map(safe)),  # noqa: S704
    )
