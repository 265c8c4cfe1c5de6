"""What compiling leaves behind: rules as plain typed values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sakimori.core import Nanos
from sakimori.detect.sigma.expression import Expression
from sakimori.detect.sigma.logsource import LogSource
from sakimori.detect.sigma.pattern import Atom, SameAs
from sakimori.records import Severity


@dataclass(frozen=True, slots=True)
class RuleError:
    """A rule that was left out, or part of a file that is no rule. The others run."""

    path: Path
    line: int
    """Counted from 1: where the trouble is, or else where the rule begins."""
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Header:
    """What a rule says about itself."""

    id: str
    """The rule's UUID; for a rule without one, derived from its title."""
    name: str | None
    """What correlations may call it."""
    title: str
    severity: Severity
    status: str
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    path: str
    line: int
    title_ja: str = ""
    """From the rule's own attribute ``title_ja``, where it has one."""


@dataclass(frozen=True, slots=True)
class Rule:
    header: Header
    source: LogSource
    condition: int
    """Its number in the plan."""
    placeholders: tuple[str, ...] = ()
    """Names that ``expand`` needs values for. The rule does not run while it has any."""
    silent: bool = False
    """Only there for a correlation: makes no findings of its own."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """One comparison of a correlation's condition; all of them must hold."""

    operator: str
    """``gt``, ``gte``, ``lt``, ``lte``, ``eq``, ``neq``."""
    value: int | float


@dataclass(frozen=True, slots=True)
class Correlation:
    header: Header
    type: str
    """``event_count``, ``value_count``, ``temporal``, ``temporal_ordered``, ``value_sum``, ``value_avg``,
    ``value_percentile`` or ``value_median``."""
    rules: tuple[str, ...]
    """Ids of the rules and correlations it refers to, in order."""
    group_by: tuple[str, ...]
    timespan: Nanos
    thresholds: tuple[Threshold, ...]
    fields: tuple[str, ...]
    """What the ``value_`` types measure: one field or alias; of ``value_count``, several that are counted together."""
    aliases: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    """(alias, ((rule id, field in that rule's events), …))."""
    percentile: float | None = None
    """Which percentile ``value_percentile`` is; None: each value's share of all, in percent."""
    condition: Expression | None = None
    """In place of ``thresholds``: which of ``rules`` (by position) must occur."""
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Atoms and conditions go by number: out of a file they are read when first looked up, since few ever are."""

    atoms: Mapping[int, Atom]
    conditions: Mapping[int, Expression]
    """Of the rules, over ``atoms``."""
    asked: Mapping[str, Sequence[int]]
    """Field → the atoms that ask about it."""
    rules: tuple[Rule, ...]
    correlations: tuple[Correlation, ...]
    errors: tuple[RuleError, ...]


def asked_fields(atoms: Iterable[tuple[int, Atom]]) -> dict[str, list[int]]:
    """``Plan.asked``."""
    found: dict[str, list[int]] = {}
    for number, atom in atoms:
        if atom.field is not None:
            found.setdefault(atom.field, []).append(number)
        if isinstance(atom.pattern, SameAs) and atom.pattern.other != atom.field:
            found.setdefault(atom.pattern.other, []).append(number)
    return found
