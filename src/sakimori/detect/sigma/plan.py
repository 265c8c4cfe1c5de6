"""What compiling leaves behind: rules as plain typed values, with a JSON form that loads in milliseconds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sakimori.core import Nanos
from sakimori.detect.sigma import expression, pattern
from sakimori.detect.sigma.expression import Expression
from sakimori.detect.sigma.logsource import LogSource
from sakimori.detect.sigma.pattern import Atom
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
    condition: Expression
    """Over the plan's atoms."""
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
    atoms: tuple[Atom, ...]
    rules: tuple[Rule, ...]
    correlations: tuple[Correlation, ...]
    errors: tuple[RuleError, ...]


def to_json(plan: Plan) -> bytes:
    def header(value: Header) -> list[Any]:
        return [getattr(value, name) for name in Header.__slots__]

    return orjson.dumps(
        {
            "atoms": [pattern.to_plain(atom) for atom in plan.atoms],
            "rules": [
                [
                    header(rule.header),
                    [rule.source.product, rule.source.category, rule.source.service],
                    expression.to_plain(rule.condition),
                    rule.placeholders,
                    rule.silent,
                ]
                for rule in plan.rules
            ],
            "correlations": [
                [
                    header(item.header),
                    item.type,
                    item.rules,
                    item.group_by,
                    item.timespan,
                    [[threshold.operator, pattern.number_to_plain(threshold.value)] for threshold in item.thresholds],
                    item.fields,
                    item.aliases,
                    item.percentile,
                    None if item.condition is None else expression.to_plain(item.condition),
                    item.silent,
                ]
                for item in plan.correlations
            ],
            "errors": [[str(error.path), error.line, error.reason] for error in plan.errors],
        }
    )


def from_json(data: bytes) -> Plan:
    """The inverse of ``to_json``. Raises ValueError (or KeyError, TypeError) where it is not its output."""
    plain = orjson.loads(data)

    def header(value: list[Any]) -> Header:
        identity, name, title, severity, status, tactics, techniques, path, line, title_ja = value
        return Header(
            identity, name, title, Severity(severity), status, tuple(tactics), tuple(techniques), path, line, title_ja
        )

    return Plan(
        atoms=tuple(pattern.from_plain(atom) for atom in plain["atoms"]),
        rules=tuple(
            Rule(header(head), LogSource(*source), expression.from_plain(condition), tuple(placeholders), silent)
            for head, source, condition, placeholders, silent in plain["rules"]
        ),
        correlations=tuple(
            Correlation(
                header(head),
                kind,
                tuple(rules),
                tuple(group_by),
                timespan,
                tuple(Threshold(operator, pattern.number_from_plain(value)) for operator, value in thresholds),
                tuple(fields),
                tuple((alias, tuple((rule, name) for rule, name in names)) for alias, names in aliases),
                percentile,
                None if asked is None else expression.from_plain(asked),
                silent,
            )
            for head, kind, rules, group_by, timespan, thresholds, fields, aliases, percentile, asked, silent in plain[
                "correlations"
            ]
        ),
        errors=tuple(RuleError(Path(path), line, reason) for path, line, reason in plain["errors"]),
    )
