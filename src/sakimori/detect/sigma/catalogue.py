"""What rules need and claim, without any event: log sources, fields, level, status, ATT&CK."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sakimori.detect.sigma import expression
from sakimori.detect.sigma.library import load_plan
from sakimori.detect.sigma.logsource import LogSource
from sakimori.detect.sigma.pattern import SameAs
from sakimori.detect.sigma.placeholders import Placeholders
from sakimori.detect.sigma.plan import Correlation, Header, Plan, Rule, RuleError
from sakimori.detect.sigma.selection import chooses, select
from sakimori.records import Severity


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule or correlation."""

    header: Header
    type: str
    """``rule``, or the correlation's type."""
    sources: tuple[LogSource, ...]
    """Of a correlation: those of the rules it refers to."""
    fields: tuple[str, ...]
    """Sigma's names, in order of the alphabet; of a correlation, those of its rules and those it groups by."""
    keywords: bool
    """Whether it also looks for words in any field."""
    placeholders: tuple[str, ...]
    """Names that it needs values for before it can run."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    entries: Sequence[Entry]
    """Rules in order of their files, then correlations."""
    errors: Sequence[RuleError]


def catalogue(
    paths: Iterable[Path],
    cache_dir: Path | None = None,
    *,
    placeholders: Placeholders | None = None,
    min_level: Severity | None = None,
    statuses: Collection[str] | None = None,
) -> Catalogue:
    """The rules in the files and folders; see ``SigmaDetector.load`` for the choice among them.

    Raises:
        InputError: a path that does not exist or cannot be read, or an unknown status.
    """
    plan = select(load_plan(paths, cache_dir, placeholders), min_level=min_level, statuses=statuses)
    known = {rule.header.id: _rule(plan, rule) for rule in plan.rules}
    for item in plan.correlations:
        known[item.header.id] = _correlation(item, [known[id] for id in item.rules])
    # A chosen correlation may refer to rules that were not.
    chosen = (entry for entry in known.values() if chooses(entry.header, min_level=min_level, statuses=statuses))
    return Catalogue(tuple(chosen), plan.errors)


def _rule(plan: Plan, rule: Rule) -> Entry:
    atoms = [plan.atoms[index] for index in expression.atoms_of(plan.conditions[rule.condition])]
    fields = {atom.field for atom in atoms if atom.field is not None}
    fields.update(atom.pattern.other for atom in atoms if isinstance(atom.pattern, SameAs))
    if rule.placeholders:
        fields |= _written_fields(rule.header)
    return Entry(
        header=rule.header,
        type="rule",
        sources=(rule.source,),
        fields=tuple(sorted(fields)),
        keywords=any(atom.field is None for atom in atoms),
        placeholders=rule.placeholders,
    )


def _written_fields(header: Header) -> frozenset[str]:
    """The plan leaves out what cannot hold for lack of values; the rule itself knows."""
    # Imported here because pySigma takes half a second to load, which few rules need.
    from sakimori.detect.sigma.explain import explainers

    found = (explainer.fields for explainer in explainers(Path(header.path)) if explainer.line == header.line)
    return frozenset[str]().union(*found)


def _correlation(item: Correlation, rules: Sequence[Entry]) -> Entry:
    aliases = {alias for alias, _ in item.aliases}
    fields = {name for name in (*item.group_by, *item.fields) if name not in aliases}
    fields.update(name for _, names in item.aliases for _, name in names)
    fields.update(name for rule in rules for name in rule.fields)
    return Entry(
        header=item.header,
        type=item.type,
        sources=tuple(dict.fromkeys(source for rule in rules for source in rule.sources)),
        fields=tuple(sorted(fields)),
        keywords=any(rule.keywords for rule in rules),
        placeholders=tuple(sorted({name for rule in rules for name in rule.placeholders})),
    )
