"""How much depends on which provider."""

from collections.abc import Mapping


def shares(calls: Mapping[str, int]) -> dict[str, float]:
    """Of all calls, by provider: 0 to 1; all 0 where there were none."""
    total = sum(calls.values())
    return {name: count / total if total else 0.0 for name, count in calls.items()}


def hhi(calls: Mapping[str, int]) -> int | None:
    """The Herfindahl-Hirschman index of concentration: the sum of squared shares in percent, up to 10,000 (only one).

    Above 1,800 competition authorities call a market highly concentrated (US merger guidelines of 2023). None: there
    were no calls.
    """
    return round(10_000 * sum(share**2 for share in shares(calls).values())) if any(calls.values()) else None
