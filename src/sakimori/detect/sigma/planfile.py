"""A plan as a file that loads in milliseconds.

Lines of JSON: a digest of all that follows, then a head with rules and correlations, then one line for each atom and
one for each condition. These last are most of the file and are read when they are first needed.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson

from sakimori.core import SakimoriError
from sakimori.detect.sigma import expression, pattern
from sakimori.detect.sigma.logsource import LogSource
from sakimori.detect.sigma.pattern import number_from_plain, number_to_plain
from sakimori.detect.sigma.plan import Correlation, Header, Plan, Rule, RuleError, Threshold
from sakimori.records import Severity

T = TypeVar("T")


class PlanFileError(SakimoriError):
    """A kept plan has the right digest and yet makes no sense: someone wrote it by hand."""


def encode(plan: Plan) -> bytes:
    sources = {source: number for number, source in enumerate(dict.fromkeys(rule.source for rule in plan.rules))}
    head = {
        "atoms": len(plan.atoms),
        "asked": plan.asked,
        "sources": [[source.product, source.category, source.service] for source in sources],
        "rules": [
            [*_header_to_plain(rule.header), sources[rule.source], rule.condition, rule.placeholders, rule.silent]
            for rule in plan.rules
        ],
        "correlations": [_correlation_to_plain(item) for item in plan.correlations],
        "errors": [[str(error.path), error.line, error.reason] for error in plan.errors],
    }
    body = bytearray(_written(head))
    for number in range(len(plan.atoms)):
        body += b"\n" + _written(pattern.to_plain(plan.atoms[number]))
    for number in range(len(plan.conditions)):
        body += b"\n" + _written(expression.to_plain(plan.conditions[number]))
    return _digest(body) + b"\n" + body


def decode(data: bytes, origin: str) -> Plan:
    """The inverse of ``encode``. ``origin``: what to call the file.

    Raises:
        ValueError: it is not what ``encode`` wrote.
        PlanFileError: later, where an atom or condition is looked up that makes no sense.
    """
    digest, _, body = data.partition(b"\n")
    if digest != _digest(body):
        raise ValueError("damaged")
    first, *lines = body.split(b"\n")
    try:
        return _plan(_read(first), lines, origin)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise ValueError("not a plan") from error


def _written(plain: Any) -> bytes:
    """One line. Texts that are no UTF-8 (a file's name may be none) are beyond orjson, which is ten times as fast."""
    try:
        return orjson.dumps(plain)
    except TypeError:
        return json.dumps(plain).encode()


def _read(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except ValueError:
        return json.loads(line)


def _digest(body: bytes | bytearray) -> bytes:
    return hashlib.blake2b(body, digest_size=16).hexdigest().encode()


def _plan(head: dict[str, Any], lines: Sequence[bytes], origin: str) -> Plan:
    atoms, conditions = lines[: head["atoms"]], lines[head["atoms"] :]
    numbers = frozenset(range(len(atoms)))
    sources = {number: LogSource(*source) for number, source in enumerate(head["sources"])}
    return Plan(
        atoms=_Lines(atoms, pattern.from_plain, origin),
        conditions=_Lines(conditions, lambda plain: expression.from_plain(plain, numbers), origin),
        asked=head["asked"],
        rules=tuple([_rule(plain, sources) for plain in head["rules"]]),
        correlations=tuple(map(_correlation, head["correlations"])),
        errors=tuple(RuleError(Path(path), line, reason) for path, line, reason in head["errors"]),
    )


class _Lines(Mapping[int, T], Generic[T]):
    """Number → value, read from its line when it is first asked for."""

    def __init__(self, lines: Sequence[bytes], make: Callable[[Any], T], origin: str) -> None:
        self._lines = lines
        self._make = make
        self._origin = origin
        self._known: dict[int, T] = {}

    def __getitem__(self, number: int) -> T:
        known = self._known.get(number)
        return self._decoded(number) if known is None else known

    def _decoded(self, number: int) -> T:
        try:
            value = self._known[number] = self._make(_read(self._lines[number]))
        except (IndexError, ValueError, TypeError, RecursionError) as error:
            raise PlanFileError(f"{self._origin}: not a plan as it was kept: delete the file") from error
        return value

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self._lines)))

    def __len__(self) -> int:
        return len(self._lines)


def _rule(plain: list[Any], sources: Mapping[int, LogSource]) -> Rule:
    *own, source, condition, placeholders, silent = plain
    return Rule(_header(own), sources[source], condition, tuple(placeholders), silent)


def _header_to_plain(header: Header) -> list[Any]:
    return [getattr(header, name) for name in Header.__slots__]


def _header(plain: list[Any]) -> Header:
    identity, name, title, severity, status, tactics, techniques, path, line, title_ja = plain
    return Header(
        identity, name, title, _SEVERITIES[severity], status, tuple(tactics), tuple(techniques), path, line, title_ja
    )


_SEVERITIES = {severity.value: severity for severity in Severity}


def _correlation_to_plain(item: Correlation) -> list[Any]:
    return [
        *_header_to_plain(item.header),
        item.type,
        item.rules,
        item.group_by,
        item.timespan,
        [[threshold.operator, number_to_plain(threshold.value)] for threshold in item.thresholds],
        item.fields,
        item.aliases,
        item.percentile,
        None if item.condition is None else expression.to_plain(item.condition),
        item.silent,
    ]


def _correlation(plain: list[Any]) -> Correlation:
    *own, kind, rules, group_by, timespan, thresholds, fields, aliases, percentile, asked, silent = plain
    return Correlation(
        _header(own),
        kind,
        tuple(rules),
        tuple(group_by),
        timespan,
        tuple(Threshold(operator, number_from_plain(value)) for operator, value in thresholds),
        tuple(fields),
        tuple((alias, tuple((rule, name) for rule, name in names)) for alias, names in aliases),
        percentile,
        None if asked is None else expression.from_plain(asked, frozenset(range(len(rules)))),
        silent,
    )
