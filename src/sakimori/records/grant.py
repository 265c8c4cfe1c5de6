"""Grants: which models, purposes, data classes and budgets the authority gave an institution."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from sakimori.core import Nanos
from sakimori.records.codec import as_plain, record


class DataClass(StrEnum):
    STRUCTURED = "structured"
    """Our own prompts of allow-listed typed fields."""
    FREE_TEXT = "free_text"
    """Any text; only with the whole boundary, name recognition included."""


class GrantState(StrEnum):
    """How far a grant is on its way to being used."""

    REQUESTED = "requested"
    """An institution asks for it."""
    APPROVED = "approved"
    """The authority agreed."""
    PROVISIONED = "provisioned"
    """The provider was set up for it. One call at a time may be made, until one has an answer."""
    READY = "ready"
    """A live call had an answer."""
    REVOKED = "revoked"


class CyberAccess(StrEnum):
    """A provider's programme of access for cyber defence: what its models may be asked (``access_programs.cyber``)."""

    STANDARD = "standard"
    DAYBREAK_BLUE = "daybreak_blue"
    DAYBREAK_RED = "daybreak_red"


class HostedTool(StrEnum):
    """A tool that runs at the provider. Others keep state there, or answer with what cannot be tokenised."""

    WEB_SEARCH = "web_search"
    CODE_INTERPRETER = "code_interpreter"
    MCP = "mcp"


class Media(StrEnum):
    """What a request may carry besides text. The boundary reads none of it."""

    IMAGE = "image"
    AUDIO = "audio"
    FILE = "file"


class Window(StrEnum):
    """Stretches of UTC time, one after the other; months are those of the calendar."""

    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"


@record
class Limit:
    """The most that may be used in one window; None: what other limits leave. Reservations count until settled."""

    window: Window
    tokens: int | None = None
    """Input plus output tokens, as the provider counts them."""
    requests: int | None = None
    """Calls of clients; what the gateway tries again for one of them is no call more."""
    yen: Decimal | None = None
    """Money at the price list in force when the call is reserved."""


@record
class Requirements:
    """What must hold of a provider that a call may go to. Storing and processing are different things."""

    stored_in: tuple[str, ...] = ()
    """Countries (ISO 3166-1 alpha-2) in which it may store anything; empty: any."""
    processed_in: tuple[str, ...] = ()
    """Countries in which it may process; empty: any."""
    retention_days: int | None = None
    """The longest that it may keep what it gets; 0: nothing; None: any time."""


def _with_limits(plain: dict[str, Any]) -> dict[str, Any]:
    """``sakimori.grant/1`` had one budget per day, and ``revoked`` in place of a state; nobody noted a proving call."""
    budget, revoked = plain.pop("budget"), plain.pop("revoked", False)
    limit = {"window": Window.DAY, "tokens": budget["tokens"], "yen": budget["yen"]}
    return {**plain, "limits": [limit], "state": GrantState.REVOKED if revoked else GrantState.PROVISIONED}


@record
class Grant:
    SCHEMA: ClassVar[str] = "sakimori.grant/2"
    EARLIER: ClassVar[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {"sakimori.grant/1": _with_limits}

    id: str
    tenant: str
    state: GrantState
    models: tuple[str, ...]
    purposes: tuple[str, ...]
    data_classes: tuple[DataClass, ...]
    limits: tuple[Limit, ...]
    """At most one for each window."""
    not_before: Nanos
    not_after: Nanos
    concurrency: int | None = None
    """Calls that may be under way at a time; None: any number."""
    cyber: CyberAccess = CyberAccess.STANDARD
    """What calls under it ask of the provider, where they do not ask for less."""
    hosted_tools: tuple[str, ...] = ()
    """Tools that run at the provider and may be used, by their type: ``web_search``."""
    media: tuple[Media, ...] = ()
    requires: Requirements = Requirements()
    requested_by: str | None = None
    """The principal who asked for it, who may not approve it; None: it stood in a grants file."""

    @property
    def usable(self) -> bool:
        """Whether calls may be made under it, as far as its state goes."""
        return self.state in (GrantState.PROVISIONED, GrantState.READY)

    @property
    def terms(self) -> dict[str, Any]:
        """What it allows, as JSON has it, for plans and the ledger; what it does not say is left out."""
        plain = {name: value for name, value in as_plain(self).items() if value}
        plain["limits"] = [{name: value for name, value in limit.items() if value} for limit in plain["limits"]]
        plain["requires"] = {name: value for name, value in plain["requires"].items() if value not in (None, [])}
        kept = ("id", "tenant", "state", "requested_by")
        return {name: value for name, value in plain.items() if name not in kept and value != {}}

    @property
    def revoked(self) -> bool:
        return self.state is GrantState.REVOKED

    def limit(self, window: Window) -> Limit | None:
        return next((limit for limit in self.limits if limit.window is window), None)


class ReservationState(StrEnum):
    HELD = "held"
    """Set aside; nothing has left yet."""
    SENT = "sent"
    """Set aside, and the call may have reached the provider."""
    SETTLED = "settled"
    EXPIRED = "expired"
    """Nobody settled it in time, and nothing had left: it was given back."""
    PRESUMED = "presumed"
    """Nobody settled it in time, and the provider may have billed it: it stays booked at its upper bound."""


@record
class Reservation:
    """Part of a grant's limits, set aside before a call from an upper bound and settled after it."""

    SCHEMA: ClassVar[str] = "sakimori.reservation/2"

    id: str
    tenant: str
    grant_id: str
    model: str
    tokens: int
    """Upper bound until it is settled; what was used then."""
    yen: Decimal
    state: ReservationState
    made_at: Nanos
    """Says in which windows it counts."""
    expires_at: Nanos
