"""The offline investigator: deterministic, uses no model, and says so."""

from sakimori.core import Clock
from sakimori.investigate.case import Case, Exhibits
from sakimori.investigate.conclude import conclude
from sakimori.investigate.established import establish
from sakimori.records import Verdict


class OfflineInvestigator:
    """Decides what the verdict rules can decide from the findings' own evidence, and leaves the rest to people."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def investigate(self, case: Case) -> Verdict:
        exhibits = Exhibits(case)
        return conclude(case, exhibits, establish(case, exhibits), None, now=self._clock.now())
