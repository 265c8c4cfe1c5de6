"""Global filters: conditions that an institution adds to rules that are not its own (sigma-filters-specification).

A filter's condition is joined by "and" to the conditions of the rules that it names, or of all rules of its log source
(``rules: any``): what shall not be reported is written ``condition: not selection``.
"""

from dataclasses import dataclass

from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from sakimori.detect.sigma.convert import Converter
from sakimori.detect.sigma.expression import Expression
from sakimori.detect.sigma.load import Document


@dataclass(frozen=True, slots=True)
class GlobalFilter:
    document: Document
    parsed: SigmaFilter
    condition: Expression

    def applies(self, rule: SigmaRule) -> bool:
        own, given = self.parsed.logsource, rule.logsource
        pairs = ((own.product, given.product), (own.category, given.category), (own.service, given.service))
        if any(asked is not None and asked != has for asked, has in pairs):
            return False
        named = self.parsed.filter.rules
        if isinstance(named, str):
            return True
        return any(str(reference.reference) in (str(rule.id), rule.name) for reference in named)


def read_filter(document: Document, parsed: SigmaFilter, converter: Converter) -> GlobalFilter:
    """Raises ValueError where it cannot be applied."""
    condition, placeholders = converter.condition(parsed.filter)
    if placeholders:
        names = ", ".join(f"'{name}'" for name in sorted(placeholders))
        raise ValueError(f"needs values for placeholders {names}: the rules run without this filter")
    if condition is False:
        raise ValueError("the condition contradicts itself and would silence its rules: they run without this filter")
    return GlobalFilter(document, parsed, condition)
