"""Running some of the rules: those of a level and above, those of a status."""

from collections.abc import Collection
from dataclasses import replace

from sakimori.core import InputError
from sakimori.detect.sigma.plan import Header, Plan
from sakimori.records import Severity

STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")


def chooses(header: Header, *, min_level: Severity | None, statuses: Collection[str] | None) -> bool:
    """Whether a rule is of the level and status asked for; None: any."""
    level = min_level is None or header.severity >= min_level
    return level and (statuses is None or not header.status or header.status in statuses)


def select(plan: Plan, *, min_level: Severity | None, statuses: Collection[str] | None) -> Plan:
    """The plan without the rules that were not asked for.

    Rules that a chosen correlation refers to go on for its sake, without findings of their own. A rule that states no
    level counts as medium; one that states no status is chosen whatever ``statuses`` are.

    Raises:
        InputError: a status that Sigma does not know.
    """
    unknown = [status for status in statuses or () if status not in STATUSES]
    if unknown:
        raise InputError(f"'{unknown[0]}' is no status of Sigma rules: use {', '.join(STATUSES)}")

    def chosen(header: Header) -> bool:
        return chooses(header, min_level=min_level, statuses=statuses)

    if min_level is None and statuses is None:
        return plan
    needed: set[str] = set()
    for item in reversed(plan.correlations):  # those that refer come after those referred to
        if chosen(item.header) or item.header.id in needed:
            needed.update(item.rules)
    return replace(
        plan,
        rules=tuple(
            rule if chosen(rule.header) else replace(rule, silent=True)
            for rule in plan.rules
            if chosen(rule.header) or rule.header.id in needed
        ),
        correlations=tuple(
            item if chosen(item.header) else replace(item, silent=True)
            for item in plan.correlations
            if chosen(item.header) or item.header.id in needed
        ),
    )
