"""The protocol that every investigator keeps."""

from typing import Protocol

from sakimori.core import ExitCode, SakimoriError
from sakimori.investigate.case import Case
from sakimori.records import Verdict


class InvestigationFailed(SakimoriError):
    """The investigator could not come to a verdict; the offline one can. The message says why, without content."""

    exit_code = ExitCode.PROVIDER


class Investigator(Protocol):
    async def investigate(self, case: Case) -> Verdict:
        """Raises InvestigationFailed where an outside party was needed and did not answer usefully."""
        ...
