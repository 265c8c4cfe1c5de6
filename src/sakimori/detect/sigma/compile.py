"""From pySigma's documents to the plan: rules converted, filters applied, correlations resolved."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeGuard

from sigma.correlations import SigmaCorrelationRule
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule, SigmaRuleBase

from sakimori.detect.sigma.convert import Converter
from sakimori.detect.sigma.correlation import read_correlation, references
from sakimori.detect.sigma.expression import Expression, conjunction
from sakimori.detect.sigma.filters import GlobalFilter, read_filter
from sakimori.detect.sigma.load import PARSE_ERRORS, Document
from sakimori.detect.sigma.logsource import LogSource
from sakimori.detect.sigma.placeholders import Placeholders
from sakimori.detect.sigma.plan import Correlation, Header, Plan, Rule, RuleError, asked_fields
from sakimori.records import Severity

_TECHNIQUE = re.compile(r"t\d{4}(\.\d{3})?")
_NO_TACTIC = re.compile(r"[a-z]{1,2}\d{4}(\.\d{3})?")
"""ATT&CK ids of techniques, groups, software, mitigations, campaigns, data sources."""


def compile_plan(documents: Iterable[Document | RuleError], placeholders: Placeholders | None = None) -> Plan:
    """Compile what can be; the rest is in the plan's ``errors``, and nothing aborts."""
    compiler = _Compiler(placeholders or {})
    good = [item for item in documents if compiler.accepts(item)]
    for document in good:
        if isinstance(document.parsed, SigmaFilter):
            compiler.add_filter(document, document.parsed)
    for document in good:
        if isinstance(document.parsed, SigmaRule):
            compiler.add_rule(document, document.parsed)
    compiler.check_filters()
    compiler.add_correlations(
        [(document, document.parsed) for document in good if isinstance(document.parsed, SigmaCorrelationRule)]
    )
    return compiler.plan()


class _Compiler:
    def __init__(self, placeholders: Placeholders) -> None:
        self._converter = Converter(placeholders)
        self._filters: list[GlobalFilter] = []
        self._used: set[str] = set()
        """Ids of filters that apply to some rule."""
        self._rules: dict[str, Rule] = {}
        self._conditions: dict[Expression, int] = {}
        """Numbered as they come; rules that ask the same share one."""
        self._correlations: dict[str, Correlation] = {}
        self._errors: list[RuleError] = []
        self._taken: dict[str, Document] = {}
        self._ids: dict[str, str] = {}
        """What a correlation may call a rule (its id or its name) → its id."""
        self._ambiguous: set[str] = set()
        """Names of several rules."""
        self._silenced: set[str] = set()

    def accepts(self, document: Document | RuleError) -> TypeGuard[Document]:
        if isinstance(document, RuleError):
            self._errors.append(document)
            return False
        identity = _identity(document.parsed)
        if first := self._taken.get(identity):
            where = f"{first.path}:{first.line}"
            what = f"id '{identity}'" if document.parsed.id else f"title '{document.parsed.title}', without an id,"
            self._errors.append(document.error(f"{what} is taken already, by {where}: give each an id of its own"))
            return False
        self._taken[identity] = document
        return True

    def add_filter(self, document: Document, parsed: SigmaFilter) -> None:
        try:
            self._filters.append(read_filter(document, parsed, self._converter))
        except PARSE_ERRORS as error:
            self._errors.append(document.error(error))

    def add_rule(self, document: Document, rule: SigmaRule) -> None:
        try:
            condition, placeholders = self._converter.condition(rule.detection)
            if condition is False and not placeholders and not self._converter.meant_nothing:
                raise ValueError("the condition contradicts itself: no event can fulfil it")
            source = LogSource(rule.logsource.product, rule.logsource.category, rule.logsource.service)
            header = _header(document)
        except PARSE_ERRORS as error:
            self._errors.append(document.error(error))
            return
        filters = [item for item in self._filters if item.applies(rule)]
        self._used.update(_identity(item.parsed) for item in filters)
        condition = conjunction([condition, *(item.condition for item in filters)])
        number = self._conditions.setdefault(condition, len(self._conditions))
        self._call(header)
        self._rules[header.id] = Rule(header, source, number, tuple(sorted(placeholders)))

    def check_filters(self) -> None:
        for item in self._filters:
            if _identity(item.parsed) not in self._used:
                reason = "filters nothing: no rule that it names in 'rules' is there with its log source"
                self._errors.append(item.document.error(reason))

    def add_correlations(self, waiting: Sequence[tuple[Document, SigmaCorrelationRule]]) -> None:
        """Correlations may refer to each other in any order; a circle is refused."""
        for document, _ in waiting:
            self._call(_header(document))
        while waiting:
            later: list[tuple[Document, SigmaCorrelationRule]] = []
            for document, rule in waiting:
                names = references(rule)
                missing = [name for name in names if name not in self._ids]
                unclear = [name for name in names if name in self._ambiguous]
                ids = tuple(self._ids[name] for name in names if name in self._ids)
                if missing:
                    self._errors.append(document.error(f"refers to a rule '{missing[0]}' that is not there"))
                elif unclear:
                    reason = f"refers to '{unclear[0]}', which several rules are named: refer to one by its id"
                    self._errors.append(document.error(reason))
                elif any(found not in self._rules and found not in self._correlations for found in ids):
                    later.append((document, rule))
                else:
                    self._add_correlation(document, rule)
            if len(later) == len(waiting):
                reason = "refers to itself through 'rules', or to a correlation that is left out"
                self._errors += [document.error(reason) for document, _ in later]
                return
            waiting = later

    def _add_correlation(self, document: Document, rule: SigmaCorrelationRule) -> None:
        try:
            made = read_correlation(_header(document), rule, document.condition, self._ids)
        except PARSE_ERRORS as error:
            self._errors.append(document.error(error))
            return
        self._correlations[made.header.id] = made
        if not rule.generate:
            self._silenced.update(made.rules)

    def _call(self, header: Header) -> None:
        self._ids[header.id] = header.id
        if header.name and self._ids.setdefault(header.name, header.id) != header.id:
            self._ambiguous.add(header.name)

    def plan(self) -> Plan:
        atoms = {number: atom for atom, number in self._converter.atoms.items()}
        return Plan(
            atoms=atoms,
            conditions={number: condition for condition, number in self._conditions.items()},
            asked=asked_fields(atoms.items()),
            rules=tuple(replace(rule, silent=key in self._silenced) for key, rule in self._rules.items()),
            correlations=tuple(replace(item, silent=key in self._silenced) for key, item in self._correlations.items()),
            errors=tuple(sorted(self._errors, key=lambda error: (error.path, error.line))),
        )


def _identity(rule: SigmaRuleBase) -> str:
    if rule.id is not None:
        return str(rule.id)
    return "title-" + hashlib.blake2b(rule.title.encode(), digest_size=8).hexdigest()


def _header(document: Document) -> Header:
    rule = document.parsed
    attack = [tag.name.lower() for tag in rule.tags if tag.namespace == "attack"]
    return Header(
        id=_identity(rule),
        name=rule.name,
        title=rule.title,
        severity=Severity[rule.level.name] if rule.level else Severity.MEDIUM,
        status=rule.status.name.lower() if rule.status else "",
        tactics=tuple(dict.fromkeys(name.replace("_", "-") for name in attack if not _NO_TACTIC.fullmatch(name))),
        techniques=tuple(dict.fromkeys(name.upper() for name in attack if _TECHNIQUE.fullmatch(name))),
        path=str(document.path),
        line=document.line,
        title_ja="" if isinstance(rule, SigmaFilter) else str(rule.custom_attributes.get("title_ja") or ""),
    )
