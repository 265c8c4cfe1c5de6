"""Reservations: what a call may cost at most is held before it leaves, under the first grant that has it left.

``reserve`` and ``extend`` run in a transaction of the writer (``calls.writer``).
"""

from dataclasses import dataclass
from datetime import timedelta

from sakimori.access.secrets import Secrets
from sakimori.core import Clock
from sakimori.gateway import keys
from sakimori.gateway.boundary import Passage
from sakimori.gateway.calls.admission import Option, Prepared
from sakimori.gateway.refusal import Refusal
from sakimori.records import Reservation
from sakimori.store import Transaction, budgets, vault
from sakimori.store.budgets import BudgetExceeded, OnPresumed

_SOON = 60
"""Seconds within which a limit frees for a client's own retries to make sense: calls at a time, and per minute."""
_MOST_KEPT = 100_000
_LONGEST_KEPT = 256
"""What is longer is looked up in the vault each time, rather than held in memory."""
_NANOS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that may be made: its upper bound is held."""

    prepared: Prepared
    option: Option
    """The one that it is made under."""
    reservation: Reservation

    @property
    def tenant(self) -> str:
        return self.prepared.principal.tenant


class Reservations:
    """Safe to use from several threads."""

    def __init__(self, secrets: Secrets, *, lifetime: timedelta, clock: Clock) -> None:
        """``lifetime``: how long a reservation holds; longer than any call can take."""
        self._secrets = secrets
        self._lifetime = lifetime
        self._clock = clock
        self._kept: dict[str, dict[str, str]] = {}
        """Tokens that the vault has, by institution, with what they stand for."""
        self._held = 0

    def reserve(
        self, transaction: Transaction, prepared: Prepared, on_presumed: OnPresumed
    ) -> Admitted | frozenset[str]:
        """Hold the upper bound under the first grant that has it left; the call leaves as soon as this is durable.

        Where tokens of the call already stand for something else, nothing is held and these are returned: the call
        must be prepared again without them.

        Raises:
            Refusal: no grant has that much left.
        """
        if clashing := self._keep(transaction, prepared.passage):
            return frozenset(clashing)
        now = self._clock.now()
        lacking: list[BudgetExceeded] = []
        for option in prepared.options:
            try:
                held = budgets.reserve(
                    transaction,
                    option.grant,
                    model=prepared.model,
                    upper=option.upper,
                    now=now,
                    lifetime=self._lifetime,
                    sent=True,
                    id=prepared.id,
                    on_presumed=on_presumed,
                )
            except BudgetExceeded as error:
                lacking.append(error)
            else:
                return Admitted(prepared, option, held)
        refusal = self._over_budget(lacking)
        refusal.model, refusal.purpose = prepared.model, prepared.purpose
        raise refusal

    def extend(self, transaction: Transaction, call: Admitted, on_presumed: OnPresumed) -> None:
        """Hold the upper bound once more, for another attempt after one that may be billed.

        Raises:
            Refusal: the grant has not that much left.
        """
        now = self._clock.now()
        try:
            budgets.extend(
                transaction,
                call.option.grant,
                call.reservation.id,
                more=call.option.upper,
                now=now,
                lifetime=self._lifetime,
                on_presumed=on_presumed,
            )
        except BudgetExceeded as error:
            raise self._over_budget([error]) from error

    def remember(self, prepared: Prepared) -> None:
        """The vault has the call's tokens: it need not be asked for them again. Once they are durable."""
        if self._held > _MOST_KEPT:
            self._kept, self._held = {}, 0
        kept = self._kept.setdefault(prepared.principal.tenant, {})
        self._held -= len(kept)
        kept.update({token: value for token, value in prepared.passage.tokens.items() if len(value) <= _LONGEST_KEPT})
        self._held += len(kept)

    def _over_budget(self, lacking: list[BudgetExceeded]) -> Refusal:
        seconds = min((error.free_at - self._clock.now()) // _NANOS_PER_SECOND + 1 for error in lacking)
        message = f"Budget: {'; '.join(str(error) for error in lacking)}."
        soon = seconds <= _SOON
        return Refusal(429, "budget_exceeded", message, retry_after=max(1, seconds), may_retry=soon)

    def _keep(self, transaction: Transaction, passage: Passage) -> set[str]:
        """Keep the passage's tokens in the vault; those that already stand for something else come back."""
        kept = self._kept.get(transaction.tenant, {})
        new = {token: value for token, value in passage.tokens.items() if kept.get(token) != value}
        return vault.keep(transaction, keys.vault_keys(transaction, self._secrets), new) if new else set()
