"""From pySigma's documents to the plan: rules converted, filters applied, correlations resolved."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeGuard

from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationRule
from sigma.exceptions import SigmaCorrelationConditionError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule, SigmaRuleBase

from sakimori.core.clock import NANOS_PER_SECOND
from sakimori.detect.sigma.convert import Converter
from sakimori.detect.sigma.load import PARSE_ERRORS, Document
from sakimori.detect.sigma.logsource import LogSource
from sakimori.detect.sigma.plan import Correlation, Header, Plan, Rule, RuleError, Threshold
from sakimori.records import Severity

CORRELATION_TYPES = ("event_count", "value_count", "temporal", "temporal_ordered")

_TECHNIQUE = re.compile(r"t\d{4}(\.\d{3})?")
_NO_TACTIC = re.compile(r"[a-z]{1,2}\d{4}(\.\d{3})?")
"""ATT&CK ids of techniques, groups, software, mitigations, campaigns, data sources."""


def compile_plan(documents: Iterable[Document | RuleError]) -> Plan:
    """Compile what can be; the rest is in the plan's ``errors``, and nothing aborts."""
    compiler = _Compiler()
    good = [item for item in documents if compiler.accepts(item)]
    filters = [document.parsed for document in good if isinstance(document.parsed, SigmaFilter)]
    for document in good:
        if isinstance(document.parsed, SigmaRule):
            compiler.add_rule(document, document.parsed, filters)
    compiler.add_correlations(
        [(document, document.parsed) for document in good if isinstance(document.parsed, SigmaCorrelationRule)]
    )
    return compiler.plan()


class _Compiler:
    def __init__(self) -> None:
        self._converter = Converter()
        self._rules: dict[str, Rule] = {}
        self._correlations: dict[str, Correlation] = {}
        self._errors: list[RuleError] = []
        self._taken: dict[str, Document] = {}
        self._ids: dict[str, str] = {}
        """What a correlation may call a rule (its id or its name) → its id."""
        self._silenced: set[str] = set()

    def accepts(self, document: Document | RuleError) -> TypeGuard[Document]:
        if isinstance(document, RuleError):
            self._errors.append(document)
            return False
        identity = _identity(document.parsed)
        if first := self._taken.get(identity):
            where = f"{first.path}:{first.line}"
            self._errors.append(document.error(f"id '{identity}' is taken already, by {where}: give each its own"))
            return False
        self._taken[identity] = document
        return True

    def add_rule(self, document: Document, rule: SigmaRule, filters: Sequence[SigmaFilter]) -> None:
        try:
            for item in filters:
                item.apply_on_rule(rule)
            condition, placeholders = self._converter.condition(rule)
            source = LogSource(rule.logsource.product, rule.logsource.category, rule.logsource.service)
            header = _header(document)
        except PARSE_ERRORS as error:
            self._errors.append(document.error(error))
            return
        self._call(header)
        self._rules[header.id] = Rule(header, source, condition, tuple(sorted(placeholders)))

    def add_correlations(self, waiting: Sequence[tuple[Document, SigmaCorrelationRule]]) -> None:
        """Correlations may refer to each other in any order; a circle is refused."""
        for document, _ in waiting:
            self._call(_header(document))
        while waiting:
            later: list[tuple[Document, SigmaCorrelationRule]] = []
            for document, rule in waiting:
                names = [reference.reference for reference in rule.rules or []]
                missing = [name for name in names if name not in self._ids]
                ids = tuple(self._ids[name] for name in names if name in self._ids)
                if missing:
                    self._errors.append(document.error(f"refers to a rule '{missing[0]}' that is not there"))
                elif any(found not in self._rules and found not in self._correlations for found in ids):
                    later.append((document, rule))
                else:
                    self._add_correlation(document, rule, ids)
            if len(later) == len(waiting):
                reason = "refers to itself through 'rules', or to a correlation that is left out"
                self._errors += [document.error(reason) for document, _ in later]
                return
            waiting = later

    def _add_correlation(self, document: Document, rule: SigmaCorrelationRule, ids: tuple[str, ...]) -> None:
        try:
            made = self._correlation(document, rule, ids)
        except PARSE_ERRORS as error:
            self._errors.append(document.error(error))
            return
        self._correlations[made.header.id] = made
        if not rule.generate:
            self._silenced.update(ids)

    def _correlation(self, document: Document, rule: SigmaCorrelationRule, ids: tuple[str, ...]) -> Correlation:
        kind = rule.type.name.lower()
        condition = rule.condition
        if kind not in CORRELATION_TYPES:
            raise ValueError(f"correlation type '{kind}' is not supported: use one of {', '.join(CORRELATION_TYPES)}")
        if not isinstance(condition, SigmaCorrelationCondition) or isinstance(condition.fieldref, list):
            reason = "condition is not supported: use one comparison such as 'gte: 2', with at most one 'field'"
            raise SigmaCorrelationConditionError(reason)
        aliases = tuple(
            (alias.alias, tuple((self._ids[ref.reference], name) for ref, name in alias.mapping.items()))
            for alias in rule.aliases
        )
        return Correlation(
            header=_header(document),
            type=kind,
            rules=ids,
            group_by=tuple(rule.group_by or ()),
            timespan=rule.timespan.seconds * NANOS_PER_SECOND,
            thresholds=(Threshold(condition.op.name.lower(), condition.count),),
            field=condition.fieldref,
            aliases=aliases,
        )

    def _call(self, header: Header) -> None:
        self._ids[header.id] = header.id
        if header.name:
            self._ids.setdefault(header.name, header.id)

    def plan(self) -> Plan:
        return Plan(
            atoms=tuple(self._converter.atoms),
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
