"""Detection: event batches in, findings out. Keeps no clock, touches no store.

``Detector.detect(batch)`` is a pure function of the batch and the detector's own explicit state, so the same detector
runs in one process, in a worker pool, or inside a distributed engine's Arrow operator.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from sakimori.core import Nanos
from sakimori.detect.sigma.detector import Matches, SigmaDetector
from sakimori.detect.sigma.placeholders import Placeholders, read_placeholders
from sakimori.detect.sigma.plan import Correlation, Rule, RuleError
from sakimori.detect.sigma.windows import StatePart
from sakimori.records import EventBatch, Finding

__all__ = [
    "Correlation",
    "Detector",
    "Matches",
    "Placeholders",
    "Rule",
    "RuleError",
    "SigmaDetector",
    "StatePart",
    "read_placeholders",
]


class Detector(Protocol):
    """What turns events into findings."""

    def detect(self, batch: EventBatch) -> list[Finding]:
        """The findings that this batch completes."""
        ...

    def advance(self, now: Nanos) -> list[Finding]:
        """The findings that passing time completes; ``now`` is what the caller's clock says."""
        ...

    def flush(self) -> list[Finding]:
        """The findings that only the end of the input completes."""
        ...

    def changes(self) -> Iterable[StatePart]:
        """What of the detector's state is new, different or gone since this was asked last; at first, everything."""
        ...

    def restore(self, parts: Iterable[StatePart]) -> Mapping[str, str]:
        """Go on from a state that ``changes`` gave piece by piece.

        Returns:
            Of each part that cannot be used any more, its key and why, in one sentence.
        """
        ...
