"""Ledger entries: what happened, who did it, under which authority. Never content."""

from typing import Any, ClassVar

from sakimori.core import Nanos
from sakimori.records.codec import record


@record
class LedgerEntry:
    SCHEMA: ClassVar[str] = "sakimori.ledger-entry/1"

    id: str
    tenant: str
    time: Nanos
    actor: str
    """Principal: ``key:<id>``, ``person:<name>``, ``service:<room>``, ``owner:<account of the machine>``."""
    action: str
    """Dotted verb: ``gateway.call``, ``response.step``, ``verdict.made``, …"""
    subject: str
    """Id of what it was done to."""
    detail: dict[str, Any]
    """Typed facts: counts, amounts, names of policies, digests. Never text that came from outside."""
