"""Correlations: what several events of a group mean together, within a span of time.

Events come in any order (a scan reads one log after the other, agents deliver late). Each group keeps what it has not
yet used up, in order of time, so the outcome does not depend on a clock. What the specification leaves open is decided
in ``docs/sigma.md``; what a window amounts to is in ``measure``.

A measure that more occurrences can only fulfil is answered the moment it is fulfilled; the finding then stands for all
windows that hold its occurrences. One that more occurrences can spoil is answered when its window, which begins with
the group's first unused occurrence, is over: ``lateness`` after its end by the group's own time (see ``windows``),
which newer occurrences or ``advance`` move on, or at ``flush``.
"""

from collections.abc import Iterable, Sequence

from sakimori.core import InputError, Nanos
from sakimori.detect.sigma.finding import finding
from sakimori.detect.sigma.occurrence import Occurrence
from sakimori.detect.sigma.plan import Correlation
from sakimori.detect.sigma.windows import Fired, StatePart, Windows, read_part
from sakimori.records import Finding


class Correlator:
    """All correlations of a plan and their state."""

    def __init__(self, correlations: Sequence[Correlation], *, lateness: Nanos | None = None) -> None:
        """``correlations``: those referred to come before those that refer. ``lateness`` None: nothing is too late."""
        arrival: dict[str, Nanos] = {}
        self._windows: list[Windows] = []
        for correlation in correlations:
            # A finding that waits for the end of its window is late, by that much, for correlations above it: the
            # group's own time may be behind by the lateness of its newest event, and the window is kept open for it.
            own = None if lateness is None else max(arrival.get(rule, lateness) for rule in correlation.rules)
            window = Windows(correlation, own)
            self._windows.append(window)
            if own is not None:
                arrival[correlation.header.id] = own if window.rising else 2 * own + correlation.timespan
        self._by_id = {window.correlation.header.id: window for window in self._windows}
        self._listeners: dict[str, list[Windows]] = {}
        for window in self._windows:
            for rule in dict.fromkeys(window.correlation.rules):
                self._listeners.setdefault(rule, []).append(window)
        self.fields = frozenset(name for correlation in correlations for name in _fields(correlation))
        """Sigma field names whose values occurrences must carry."""

    @property
    def forgotten(self) -> int:
        """How many occurrences were given up because of the bounds or for lateness."""
        return sum(window.forgotten for window in self._windows)

    def listens(self, rule: str) -> bool:
        return rule in self._listeners

    def add(self, occurrence: Occurrence) -> list[Finding]:
        """Take one occurrence; the findings that it completes, those of inner correlations first."""
        found: list[Finding] = []
        for window in self._listeners.get(occurrence.rule, ()):
            for fired in window.add(occurrence):
                found += self._report(window, fired)
        return found

    def advance(self, now: Nanos) -> list[Finding]:
        """The caller's clock says ``now``: close the windows that are over by now, what may be late included.

        Each group's time goes on from its newest event, by what passes from the first call after that event was added.
        Without a stated lateness nothing is ever over, and nothing happens.
        """
        return [
            finding
            for window in self._windows
            for fired in window.advance(now)
            for finding in self._report(window, fired)
        ]

    def flush(self) -> list[Finding]:
        """Close every window, as if all input had come."""
        return [
            finding for window in self._windows for fired in window.close() for finding in self._report(window, fired)
        ]

    def _report(self, window: Windows, fired: Fired) -> list[Finding]:
        correlation = window.correlation
        merged = fired.merged(correlation)
        own = finding(
            correlation.header,
            tenant=merged.tenant,
            source=merged.source,
            evidence=merged.evidence,
            entities=merged.entities,
            count=merged.count,
        )
        return [*([] if correlation.silent else [own]), *self.add(merged)]

    def state(self) -> list[StatePart]:
        """Everything that ``restore`` and ``merge`` need, group by group."""
        return [part for window in self._windows for part in window.state()]

    def changes(self) -> list[StatePart]:
        """What of the state is new, different or gone since this was asked last, or since ``restore``.

        At first, everything. It costs as much as what changed, so it may be asked after every batch.
        """
        return [part for window in self._windows for part in window.changes()]

    def restore(self, parts: Iterable[StatePart]) -> dict[str, str]:
        """Replace the state by these parts of one. Time that passed in between counts for nobody.

        Returns:
            Of each part that was left out, its key and why, in one sentence.
        """
        for window in self._windows:
            window.clear()
            window.follow_changes()
        left_out: dict[str, str] = {}
        for part in parts:
            try:
                self._merge(part)
            except InputError as error:
                left_out[part.key] = str(error)
        return left_out

    def merge(self, parts: Iterable[StatePart]) -> list[Finding]:
        """Take over what another worker's ``state`` gave, and what both know together.

        Workers that shared out the groups between them have no group in common, and nothing is found that neither
        found alone.

        Raises:
            InputError: a part is of no such state, or of a correlation that is not there or not the same.
        """
        return [finding for part in parts for finding in self._merge(part)]

    def _merge(self, part: StatePart) -> list[Finding]:
        state = read_part(part)
        window = self._by_id.get(state.correlation)
        if window is None:
            raise InputError(f"open windows were dropped: there is no correlation {state.correlation} any more")
        if window.definition != state.definition:
            title = window.correlation.header.title
            raise InputError(f"open windows were dropped: correlation '{title}' was changed since")
        return [found for fired in window.merge(state) for found in self._report(window, fired)]


def _fields(correlation: Correlation) -> Iterable[str]:
    yield from correlation.group_by
    yield from (name for _, names in correlation.aliases for _, name in names)
    yield from correlation.fields
