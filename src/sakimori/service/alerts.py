"""Other products' alerts come again and again, each time their state changes: one alert stays one finding."""

from collections.abc import Callable, Iterable

from sakimori.records import Finding


def severest(findings: Iterable[Finding], known: Callable[[str], Finding | None]) -> list[Finding]:
    """The findings that stand, each id once, in order of first appearance.

    Of what one alert said at different times, here and in ``known`` (finding by id), the most severe stands, and of
    equals the earliest taken in. So whatever order they come in, the answer is the same, and nobody who can close an
    alert elsewhere lowers what is told here.
    """
    stands: dict[str, Finding] = {}
    for finding in findings:
        before = stands.get(finding.id) or (known(finding.id) if finding.product else None)
        stands[finding.id] = before if before and before.severity >= finding.severity else finding
    return list(stands.values())
