"""Why a rule holds for an event or does not: its conditions one by one, with what each wanted and what it saw.

Follows the rule as it is written, selection by selection, which the plan no longer knows; but whether a pattern holds
is asked of the engine's own matchers (``column``), so that an explanation says what a scan does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionIdentifier,
    ConditionNOT,
    ConditionOR,
    ConditionSelector,
    ConditionValueExpression,
)
from sigma.filters import SigmaFilter
from sigma.rule import SigmaDetections, SigmaRule
from sigma.types import SigmaExpansion

from sakimori.core import InputError
from sakimori.detect.sigma import expression
from sakimori.detect.sigma.column import ColumnMatcher
from sakimori.detect.sigma.convert import Converter
from sakimori.detect.sigma.load import PARSE_ERRORS, Document, parse_file
from sakimori.detect.sigma.logsource import LogSource, LogSources
from sakimori.detect.sigma.match import same
from sakimori.detect.sigma.pattern import (
    Atom,
    Compare,
    Exists,
    Network,
    Null,
    Number,
    Pattern,
    Place,
    Regex,
    SameAs,
    Text,
    TimePart,
)
from sakimori.detect.sigma.placeholders import Placeholders
from sakimori.detect.sigma.plan import RuleError
from sakimori.detect.sigma.scan import Databases
from sakimori.detect.sigma.text import Wild
from sakimori.records import EventKind


@dataclass(frozen=True, slots=True)
class Question:
    """One pattern put to one field of one event."""

    field: str | None
    """Sigma's name; None: a keyword, asked of every field."""
    own_name: str | None
    """What the event calls the field."""
    wanted: str
    """The pattern in words, ``ends with '\\cmd.exe'``; without case unless it says so."""
    seen: str | None
    """The event's cell (``records.encode_cell``); None: it has no such field."""
    holds: bool


@dataclass(frozen=True, slots=True)
class Step:
    """Questions and steps under one operator."""

    operator: str
    """``all``, ``any`` or ``not``."""
    name: str
    """The selection, or the part of the condition such as ``1 of filter_*``; empty for what the rule gives no name."""
    holds: bool
    parts: "tuple[Step | Question, ...]"


@dataclass(frozen=True, slots=True)
class Explanation:
    in_source: bool
    """Whether the event is of the rule's log source."""
    runs: bool
    """False: the rule lacks values for its placeholders, and matches nothing."""
    condition: Step | Question

    @property
    def matched(self) -> bool:
        """Whether the rule matches the event."""
        return self.in_source and self.runs and self.condition.holds


@dataclass(frozen=True, slots=True)
class _Leaf:
    field: str | None
    atom: int | None
    """None: the pattern lacks values for its placeholders."""


@dataclass(frozen=True, slots=True)
class _Branch:
    operator: str
    name: str
    parts: "tuple[_Branch | _Leaf, ...]"


class Explainer:
    """Explains one rule. Not for use by two threads at once."""

    def __init__(self, document: Document, rule: SigmaRule, placeholders: Placeholders) -> None:
        """Raises ValueError (or another of ``load.PARSE_ERRORS``) where the rule makes no sense."""
        reader = _Reader(rule.detection, placeholders)
        self.id = str(rule.id or "")
        self.title = rule.title
        self.line = document.line
        self.source = LogSource(rule.logsource.product, rule.logsource.category, rule.logsource.service)
        parts = [reader.tree(condition.parse(postprocess=False)) for condition in rule.detection.parsed_condition]
        self._tree = _joined("any", "", parts)
        self.placeholders = tuple(sorted(reader.lacking))
        """Names without values, for lack of which the rule does not run."""
        self._atoms = tuple(reader.atoms)
        self._selectors = LogSources.packaged().selectors(self.source)
        self._askers: dict[tuple[tuple[str, str], ...], _Asker] = {}

    @property
    def fields(self) -> frozenset[str]:
        """Sigma's names of all fields that the rule asks about, those without values for placeholders included."""
        others = {atom.pattern.other for atom in self._atoms if isinstance(atom.pattern, SameAs)}
        return frozenset(others | {leaf.field for leaf in _leaves(self._tree) if leaf.field is not None})

    def looks_at(self, kind: EventKind) -> bool:
        """Whether events of this kind are of the rule's log source."""
        return any(selector.admits(kind) for selector in self._selectors)

    def explain(self, kind: EventKind, cells: Mapping[str, str]) -> Explanation:
        """``cells``: one event's fields, as ``EventBatch.fields`` gives them."""
        selector = next((selector for selector in self._selectors if selector.admits(kind)), None)
        names: Mapping[str, str] = selector.fields if selector else {}
        key = tuple(sorted(names.items()))
        asker = self._askers.get(key)
        if asker is None:
            asker = self._askers[key] = _Asker(self._atoms, names)
        answers = asker.answers(cells)
        return Explanation(
            in_source=selector is not None, runs=not self.placeholders, condition=_answered(self._tree, answers)
        )


def explainers(path: Path, placeholders: Placeholders | None = None) -> list[Explainer]:
    """Of each rule in the file that looks at single events, with the file's own filters applied.

    ``placeholders``: values for ``expand``.

    Raises:
        InputError: the file cannot be read, something in it is wrong, or it holds no such rule.
    """
    try:
        documents = [sound(item) for item in parse_file(path, path.read_bytes())]
    except OSError as error:
        raise InputError(f"{path}: rule file cannot be read: {error.strerror}") from error
    filters = [document.parsed for document in documents if isinstance(document.parsed, SigmaFilter)]
    found: list[Explainer] = []
    for document in documents:
        if isinstance(document.parsed, SigmaRule):
            try:
                for item in filters:
                    item.apply_on_rule(document.parsed)
                found.append(Explainer(document, document.parsed, placeholders or {}))
            except PARSE_ERRORS as error:
                raise InputError(str(document.error(error))) from error
    if not found:
        raise InputError(f"{path}: holds no rule that looks at single events: give the file of a base rule")
    return found


def sound(item: Document | RuleError) -> Document:
    """Raises InputError where it is none."""
    if isinstance(item, RuleError):
        raise InputError(str(item))
    return item


class _Reader(Converter):
    """Keeps the names and the shape of the condition, where ``Converter`` simplifies."""

    def __init__(self, detections: SigmaDetections, placeholders: Placeholders) -> None:
        super().__init__(placeholders)
        self.lacking: set[str] = set()
        self._detections = detections

    def tree(self, node: object) -> _Branch | _Leaf:
        match node:
            case ConditionIdentifier():
                detection = self._detections.detections[node.identifier]
                return _named(node.identifier, self.tree(detection.postprocess(self._detections)))
            case ConditionSelector():
                operator = "all" if node.cond_class is ConditionAND else "any"
                parts = [self.tree(part) for part in node.resolve_referenced_detections(self._detections)]
                if not parts:
                    raise ValueError(f"selector '{node.args[0]} of {node.pattern}' names no selection")
                return _joined(operator, f"{node.args[0]} of {node.pattern}", parts)
            case ConditionAND():
                return _joined("all", "", [self.tree(operand) for operand in node.args])
            case ConditionOR():
                return _joined("any", "", [self.tree(operand) for operand in node.args])
            case ConditionNOT():
                return _Branch("not", "", (self.tree(node.args[0]),))
            case ConditionFieldEqualsValueExpression():
                return self._asked(node.field, node.value)
            case ConditionValueExpression():
                return self._asked(None, node.value)
            case _:
                raise ValueError("the condition is empty")

    def _asked(self, field: str | None, value: object) -> _Branch | _Leaf:
        if isinstance(value, SigmaExpansion):
            return _joined("any", "", [self._asked(field, item) for item in value.values])
        atoms = sorted(expression.atoms_of(self._value(field, value, self.lacking)))
        return _joined("any", "", [_Leaf(field, atom) for atom in atoms or [None]])


def _joined(operator: str, name: str, parts: "list[_Branch | _Leaf]") -> _Branch | _Leaf:
    return parts[0] if len(parts) == 1 and not name else _Branch(operator, name, tuple(parts))


def _named(name: str, tree: _Branch | _Leaf) -> _Branch:
    if isinstance(tree, _Branch) and not tree.name and tree.operator != "not":
        return _Branch(tree.operator, name, tree.parts)
    return _Branch("all", name, (tree,))


def _leaves(tree: _Branch | _Leaf) -> Iterator[_Leaf]:
    if isinstance(tree, _Leaf):
        yield tree
    else:
        for part in tree.parts:
            yield from _leaves(part)


class _Asker:
    """Puts all atoms of a rule to single events, whose names of fields are known."""

    def __init__(self, atoms: tuple[Atom, ...], names: Mapping[str, str]) -> None:
        self._atoms = atoms
        self._names = names
        by_field: dict[str | None, dict[int, Pattern]] = {}
        for index, atom in enumerate(atoms):
            if not isinstance(atom.pattern, SameAs):
                by_field.setdefault(atom.field, {})[index] = atom.pattern
        databases = Databases()
        self._matchers = {field: ColumnMatcher(patterns, databases) for field, patterns in by_field.items()}

    def answers(self, cells: Mapping[str, str]) -> "_Answers":
        holding: set[int] = set()
        for field, matcher in self._matchers.items():
            asked = [self._own(cells, field)[1]] if field is not None else list(cells.values())
            for cell in asked:
                number = 0 if cell is None else int(matcher.classes(pa.array([cell], pa.string()))[0])
                holding |= matcher.sets[number]
        for index, atom in enumerate(self._atoms):
            if isinstance(atom.pattern, SameAs) and atom.field is not None:
                cell, other = self._own(cells, atom.field)[1], self._own(cells, atom.pattern.other)[1]
                if same(cell, other, atom.pattern):
                    holding.add(index)
        return _Answers(self, cells, frozenset(holding))

    def question(self, leaf: _Leaf, cells: Mapping[str, str], *, holds: bool) -> Question:
        own, seen = self._own(cells, leaf.field) if leaf.field is not None else (None, None)
        wanted = "a placeholder without values" if leaf.atom is None else words(self._atoms[leaf.atom].pattern)
        return Question(leaf.field, own, wanted, seen, holds)

    def _own(self, cells: Mapping[str, str], field: str) -> tuple[str, str | None]:
        """The event's name of the field, and its cell. Sources may spell a name with spaces that Sigma drops."""
        name = self._names.get(field, field)
        if name in cells:
            return name, cells[name]
        plain = name.replace(" ", "")
        spelled = next((other for other in cells if other.replace(" ", "") == plain), None)
        return (name, None) if spelled is None else (spelled, cells[spelled])


@dataclass(frozen=True, slots=True)
class _Answers:
    asker: _Asker
    cells: Mapping[str, str]
    holding: frozenset[int]


def _answered(tree: _Branch | _Leaf, answers: _Answers) -> Step | Question:
    if isinstance(tree, _Leaf):
        return answers.asker.question(tree, answers.cells, holds=tree.atom in answers.holding)
    parts = tuple(_answered(part, answers) for part in tree.parts)
    match tree.operator:
        case "all":
            holds = all(part.holds for part in parts)
        case "any":
            holds = any(part.holds for part in parts)
        case _:
            holds = not parts[0].holds
    return Step(tree.operator, tree.name, holds, parts)


_PLACES = {
    Place.EQUALS: "is",
    Place.STARTS: "starts with",
    Place.ENDS: "ends with",
    Place.CONTAINS: "contains",
}
_ORDERS = {"lt": "<", "lte": "≤", "gt": ">", "gte": "≥", "neq": "≠"}


def words(pattern: Pattern) -> str:
    """What a pattern wants, to follow the name of its field."""
    match pattern:
        case Text(pieces, cased):
            placed = pattern.place()
            said = f"{_PLACES[placed[0]]} '{placed[1]}'" if placed else f"is like '{''.join(map(_spelled, pieces))}'"
            return "is any text" if pieces == (Wild.ANY,) else said + (" (with case)" if cased else "")
        case Regex(source, flags):
            return f"matches /{source}/{flags}"
        case Number(value):
            return f"is the number {value}"
        case Compare(order, value):
            return f"{_ORDERS[order]} {value}"
        case Network(cidr):
            return f"lies in {cidr}"
        case Null():
            return "is null or missing"
        case Exists(present):
            return "exists" if present else "does not exist"
        case SameAs(other, place):
            return f"{_PLACES[place]} the value of {other}"
        case TimePart(part, value, order):
            return f"is a time whose {part} {_ORDERS[order] if order else 'is'} {value}"


def _spelled(piece: str | Wild) -> str:
    return {Wild.ANY: "*", Wild.ONE: "?"}[piece] if isinstance(piece, Wild) else piece
