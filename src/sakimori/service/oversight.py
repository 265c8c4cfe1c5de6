"""A provider's oversight, as findings and incidents of the institution whose account it is."""

from sakimori.gateway.oversight import Oversight
from sakimori.records import Finding
from sakimori.service.installation import Installation
from sakimori.service.telling import tell
from sakimori.store import Transaction


def oversight_of(install: Installation, *, late: int) -> Oversight:
    """The watch over the account of the install's institution; ``late`` as in ``Oversight``."""
    return Oversight(install.database, install.ledger, install.tenant, keep=_keep, clock=install.clock, late=late)


def _keep(transaction: Transaction, findings: list[Finding]) -> None:
    transaction.put(*findings)
    tell(transaction, findings)
