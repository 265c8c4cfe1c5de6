"""Which findings to tell first where not all can be told."""

from collections import Counter
from collections.abc import Iterable

from sakimori.records import Finding, Severity


def most_telling(findings: Iterable[Finding], limit: int) -> list[Finding]:
    """At most ``limit`` findings, in order of time: of each rule the first before the second of any, severe ones first.

    Encryption makes hundreds of critical findings of one rule; they must not crowd out how it came about.
    """
    seen: Counter[str] = Counter()
    ranked: list[tuple[bool, int, int, int, str, Finding]] = []
    for finding in sorted(findings, key=lambda each: (each.first_time, each.id)):
        minor = finding.severity < Severity.MEDIUM
        ranked.append((minor, seen[finding.rule_id], -finding.severity, finding.first_time, finding.id, finding))
        seen[finding.rule_id] += 1
    ranked.sort(key=lambda rank: rank[:5])
    return sorted((rank[5] for rank in ranked[:limit]), key=lambda each: (each.first_time, each.id))
