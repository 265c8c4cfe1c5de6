"""Detection: event batches in, findings out. Keeps no clock, touches no store.

``Detector.detect(batch)`` is a pure function of the batch and the detector's own explicit state, so the same detector
runs in one process, in a worker pool, or inside a distributed engine's Arrow operator.
"""

from typing import Protocol

from sakimori.detect.sigma.detector import SigmaDetector
from sakimori.detect.sigma.plan import Correlation, Rule, RuleError
from sakimori.records import EventBatch, Finding

__all__ = ["Correlation", "Detector", "Rule", "RuleError", "SigmaDetector"]


class Detector(Protocol):
    """What turns events into findings."""

    def detect(self, batch: EventBatch) -> list[Finding]:
        """The findings that this batch completes."""
        ...

    def flush(self) -> list[Finding]:
        """The findings that only the end of the input completes."""
        ...
