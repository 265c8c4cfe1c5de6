"""What is written down of a call: that it left, what it really cost and who answered it, or that it was refused.

Everything here runs in a transaction of the writer (``gateway.writer``), and writes an entry of the ledger together
with what the entry tells of. Never what was said.
"""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sakimori.access import Principal
from sakimori.core import Clock
from sakimori.gateway.calls.reservation import Admitted
from sakimori.gateway.endpoints import UNKNOWN_LEVEL, Endpoint, Usage
from sakimori.gateway.providers.failure import Tried
from sakimori.gateway.providers.provider import Provider
from sakimori.gateway.telemetry import ANSWERED
from sakimori.ledger import Ledger, new_entry
from sakimori.records import CyberAccess, Grant, GrantState, Reservation
from sakimori.store import Transaction, budgets, usage
from sakimori.store.budgets import Amount

_OURSELVES = "service:gateway"
_NAME = re.compile(r"[A-Za-z0-9._:/\-]{1,128}")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call that was admitted ended."""

    code: str
    """``answered``, or the code of what its client was told."""
    provider: Provider | None = None
    """Who answered, in full or in part; None: nobody did."""
    tried: tuple[Tried, ...] = ()
    """Attempts that failed."""
    presumed: int = 0
    """Attempts that failed and may be billed all the same. Each is booked at the upper bound: nobody will tell us."""
    usage: Usage | None = None
    """As the provider that answered counted; None: it did not say, and the upper bound is booked."""
    model: object = None
    """What the provider says which model answered."""
    request_id: object = None
    """What the provider that answered calls the request."""
    cyber: object = None
    """What the provider says under which level of access it answered."""
    tool: str = ""
    """A tool that ran at the provider though the call did not offer it; empty: none did."""


class Settlement:
    """Writes what became of calls."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def left(self, transaction: Transaction, call: Admitted) -> None:
        """Enter that a call leaves, before it does: if this process dies in it, the ledger still knows of it."""
        held = call.reservation
        providers = [attempt.provider.name for attempt in call.option.attempts]
        detail = {
            **_about(call),
            "providers": providers,
            "tokens_held": held.tokens,
            "yen_held": str(held.yen),
        }
        self._enter(transaction, call.prepared.id, call.prepared.principal.actor, "gateway.sent", detail)

    def presume(self, transaction: Transaction, over: Reservation) -> None:
        """Enter that a call left, that its process died, and that its upper bound counts as billed."""
        detail = {
            "grant": over.grant_id,
            "model": over.model,
            "outcome": budgets.PRESUMED,
            "tokens_presumed": over.tokens,
            "yen_presumed": str(over.yen),
        }
        self._enter(transaction, over.id, _OURSELVES, "gateway.presumed", detail)

    def refuse(
        self,
        transaction: Transaction,
        call_id: str,
        principal: Principal,
        endpoint: Endpoint,
        code: str,
        *,
        model: str = "",
        purpose: str = "",
    ) -> None:
        """Enter that a call was refused before it left; ``model`` and ``purpose`` as the grants name them, if known."""
        usage.count(
            transaction,
            now=self._clock.now(),
            outcome=usage.Outcome.REFUSED,
            model=model,
            purpose=purpose,
            code=code,
        )
        detail = {"endpoint": endpoint.path, "code": code}
        self._enter(transaction, call_id, principal.actor, "gateway.refused", detail)

    def settle(self, transaction: Transaction, call: Admitted, ending: Ending) -> int:
        """Book what was used, at the price of who answered, and enter how the call ended; the number of entries."""
        used, presumed = _used(call, ending), _presumed(call, ending)
        total = Amount(used.tokens + presumed.tokens, used.yen + presumed.yen)
        settled = budgets.settle(transaction, call.reservation.id, total)
        prepared, counted = call.prepared, ending.usage
        last = ending.provider.name if ending.provider else next((each.provider for each in ending.tried[-1:]), "")
        usage.count(
            transaction,
            now=self._clock.now(),
            outcome=usage.Outcome.ANSWERED if ending.code == ANSWERED else usage.Outcome.FAILED,
            model=prepared.model,
            purpose=prepared.purpose,
            provider=last,
            code="" if ending.code == ANSWERED else ending.code,
            input_tokens=counted.input if counted else 0,
            output_tokens=counted.output if counted else 0,
            yen=total.yen,
        )
        asked, answered = call.option.cyber, _level(ending.cyber)
        detail = {
            **_about(call),
            "provider": last or None,
            "tried": [{"provider": each.provider, "code": each.code, "billed": each.billed} for each in ending.tried],
            "provider_request": _name(ending.request_id),
            "model_answered": _name(ending.model),
            "cyber_answered": answered,
            "outcome": ending.code,
            "input_tokens": counted.input if counted else None,
            "output_tokens": counted.output if counted else None,
            "tool_calls": dict(counted.calls) if counted else None,
            "yen": str(total.yen),
            "yen_presumed": str(presumed.yen),
            "overrun": settled.overrun,
            "restored": prepared.passage.restored,
            "invented": len(prepared.passage.invented),
        }
        self._enter(transaction, prepared.id, prepared.principal.actor, "gateway.call", detail)
        entries = 1
        if ending.tool:
            entries += self._note_tool(transaction, call, last, ending.tool)
        if (ending.code == ANSWERED or answered is not None) and (other := _other_level(asked, answered)):
            entries += self._note_level(transaction, call, other, answered)
        if ending.code != ANSWERED:
            return entries
        if call.option.grant.state is GrantState.PROVISIONED:
            entries += self._note_ready(transaction, call)
        return entries

    def _note_level(self, transaction: Transaction, call: Admitted, action: str, answered: str | None) -> int:
        """The provider answered with another level of access than it was asked for, and did not refuse."""
        grant = call.option.grant
        detail = {"grant": grant.id, "granted": grant.cyber, "asked": call.option.cyber, "answered": answered}
        self._enter(transaction, call.prepared.id, call.prepared.principal.actor, action, detail)
        return 1

    def _note_tool(self, transaction: Transaction, call: Admitted, provider: str, tool: str) -> int:
        """A tool was at work at the provider that the call did not offer; the answer was withheld from there on."""
        grant = call.option.grant
        detail = {"grant": grant.id, "provider": provider, "tool": tool, "granted": list(grant.hosted_tools)}
        self._enter(transaction, call.prepared.id, call.prepared.principal.actor, "gateway.hosted_tool", detail)
        return 1

    def _note_ready(self, transaction: Transaction, call: Admitted) -> int:
        """The first live call under a grant had its answer: that proves it."""
        current = transaction.get(Grant, call.option.grant.id)
        if current is None or current.state is not GrantState.PROVISIONED:
            return 0
        transaction.put(replace(current, state=GrantState.READY))
        self._enter(transaction, call.prepared.id, call.prepared.principal.actor, "grant.ready", {"grant": current.id})
        return 1

    def _enter(self, transaction: Transaction, call_id: str, actor: str, action: str, detail: dict[str, Any]) -> None:
        entry = new_entry(transaction, at=self._clock.now(), actor=actor, action=action, subject=call_id, detail=detail)
        self._ledger.append(transaction, entry)


def _used(call: Admitted, ending: Ending) -> Amount:
    """By the attempt that was answered: as its provider counts; where that does not say, the upper bound."""
    if ending.provider is None:
        return Amount(0, Decimal(0))
    if ending.usage is None:
        return call.option.upper
    prices, offered = ending.provider.prices, call.option.offered
    yen = prices.of(call.prepared.model).yen(input=ending.usage.input, output=ending.usage.output)
    for tool, calls in offered.paid(ending.usage.calls).items():
        yen += calls * prices.per_call(offered.billed.get(tool, {tool}))
    return Amount(ending.usage.input + ending.usage.output, yen)


def _presumed(call: Admitted, ending: Ending) -> Amount:
    """By attempts that failed and may be billed all the same."""
    upper = call.option.upper
    return Amount(ending.presumed * upper.tokens, ending.presumed * upper.yen)


def _about(call: Admitted) -> dict[str, Any]:
    prepared = call.prepared
    return {
        "endpoint": prepared.endpoint.path,
        "purpose": prepared.purpose,
        "data_class": prepared.data_class,
        "grant": call.option.grant.id,
        "model": prepared.model,
        "cyber": call.option.cyber,
        "replaced": {f"{kind}/{rule}": n for (kind, rule), n in sorted(prepared.passage.replaced.items())},
    }


def _level(answered: object) -> str | None:
    if answered is None:
        return None
    return answered if isinstance(answered, str) and answered in list(CyberAccess) else UNKNOWN_LEVEL


def _other_level(asked: CyberAccess | None, answered: str | None) -> str | None:
    """What it is called that a provider answered with another level than it was asked for; None: it did not.

    Where the standard level was asked for, a provider that reports none has given nothing else.
    """
    expected = asked or CyberAccess.STANDARD
    if answered == expected or (answered is None and expected is CyberAccess.STANDARD):
        return None
    levels = [None, *CyberAccess, UNKNOWN_LEVEL]
    return "gateway.cyber_fallback" if levels.index(answered) < levels.index(expected) else "gateway.cyber_elevation"


def _name(given: object) -> str | None:
    """A name that the provider gives; anything that does not look like one is not written down."""
    return given if isinstance(given, str) and _NAME.fullmatch(given) else None
