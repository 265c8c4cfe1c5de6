"""What the ledger refuses."""

from sakimori.core import SakimoriError


class LedgerError(SakimoriError):
    """The ledger was tampered with or damaged: nothing is sealed on top of that."""


class Fenced(LedgerError):
    """Another sequencer sealed at the same moment; this one's group is undone as a whole."""


def damaged(tenant: str) -> LedgerError:
    return LedgerError(
        f"the ledger of '{tenant}' does not fit its last checkpoint: run `sakimori ledger verify`; "
        "entries are kept as pending until it is restored"
    )
