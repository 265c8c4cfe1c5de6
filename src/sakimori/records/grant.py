"""Grants: which models, purposes, data classes and budgets the authority gave an institution."""

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from sakimori.core import Nanos
from sakimori.records.codec import record


class DataClass(StrEnum):
    STRUCTURED = "structured"
    """Our own prompts of allow-listed typed fields."""
    FREE_TEXT = "free_text"
    """Any text; only with the whole boundary, name recognition included."""


@record
class Budget:
    """What a grant may spend in one window. Amounts are upper bounds: reservations count until settled."""

    tokens: int
    """Input plus output tokens, as the provider counts them."""
    yen: Decimal
    """Money at the price list in force when the call is reserved."""
    window: timedelta
    """Length of the window; windows start at the epoch in UTC."""


@record
class Grant:
    SCHEMA: ClassVar[str] = "sakimori.grant/1"

    id: str
    tenant: str
    models: tuple[str, ...]
    purposes: tuple[str, ...]
    data_classes: tuple[DataClass, ...]
    budget: Budget
    not_before: Nanos
    not_after: Nanos
    revoked: bool = False


class ReservationState(StrEnum):
    HELD = "held"
    SETTLED = "settled"
    EXPIRED = "expired"


@record
class Reservation:
    """Part of a budget, set aside before a call from an upper bound and settled after it."""

    SCHEMA: ClassVar[str] = "sakimori.reservation/1"

    id: str
    tenant: str
    grant_id: str
    model: str
    tokens: int
    """Upper bound while held; what was used once settled."""
    yen: Decimal
    state: ReservationState
    made_at: Nanos
    expires_at: Nanos
