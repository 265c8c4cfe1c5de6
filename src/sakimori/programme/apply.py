"""Planning what a grants file changes, and carrying it out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from sakimori.access import Principal, members, people
from sakimori.access.rights import Resource, Right, Rights
from sakimori.access.secrets import Secrets
from sakimori.core import Clock, InputError
from sakimori.ledger import Ledger
from sakimori.programme.change import (
    Change,
    How,
    changes,
    everything_removed,
    grant_revoked,
    keys_revoked,
    person_removed,
    usable_keys,
)
from sakimori.programme.file import GrantsFile, Institution
from sakimori.records import Grant, LedgerEntry
from sakimori.store import Database, Transaction


@dataclass(frozen=True, slots=True)
class Issued:
    """A key that was made. It can be shown now and never again."""

    institution: str
    name: str
    plaintext: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would change, institution by institution, in the order of the file."""

    admitted: tuple[str, ...]
    """Institutions that the programme does not have yet."""
    dismissed: tuple[str, ...]
    """Institutions that the file no longer names, to be removed with all they have."""
    institutions: tuple[tuple[Institution | None, tuple[Change, ...]], ...]
    """What the file says of each, or None for one that is dismissed; and what it takes."""
    how: How

    @property
    def changes(self) -> Iterator[Change]:
        for _, found in self.institutions:
            yield from found

    @property
    def is_empty(self) -> bool:
        return not (self.admitted or self.dismissed or any(change.verb != "stays_revoked" for change in self.changes))


class Programme:
    """The programme that one institution, ``operator``, runs."""

    def __init__(
        self, database: Database, secrets: Secrets, ledger: Ledger, rights: Rights, *, operator: str, clock: Clock
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._ledger = ledger
        self._rights = rights
        self._operator = operator
        self._clock = clock

    def plan(self, file: GrantsFile, by: Principal, *, prune: bool = False, restore: bool = False) -> Plan:
        """Compare; nothing is written.

        Raises:
            Denied: ``by`` may not do all of it.
            InputError: what is there and what the file says cannot both be.
        """
        how = How(self._secrets, self._clock, prune, restore)
        with self._database.snapshot(self._operator) as snapshot:
            present = {member.name for member in members.every(snapshot) if member.removed_at is None}
        named = {wanted.name for wanted in file.institutions}
        found: list[tuple[Institution | None, tuple[Change, ...]]] = []
        for wanted in file.institutions:
            with self._database.snapshot(wanted.name) as snapshot:
                found.append((wanted, tuple(changes(snapshot, wanted, how))))
        dismissed = sorted(present - named) if prune else []
        for name in dismissed:
            with self._database.snapshot(name) as snapshot:
                found.append((None, tuple(everything_removed(snapshot, how))))
        plan = Plan(
            admitted=tuple(wanted.name for wanted in file.institutions if wanted.name not in present),
            dismissed=tuple(dismissed),
            institutions=tuple(found),
            how=how,
        )
        self._authorise(plan, by)
        return plan

    def apply(self, plan: Plan, by: Principal, *, show: Callable[[Issued], None]) -> int:
        """Carry a plan out and return the number of changes. What somebody else did meanwhile is not done again.

        Each institution is one transaction: if this is interrupted, planning again shows what is left. ``show`` gets
        each key before it is kept, so that none is issued which nobody has seen.

        Raises:
            Denied: ``by`` may not do all of it; nothing is changed.
            InputError: somebody changed an institution otherwise since it was planned; it and later ones stay as they
                are.
        """
        self._authorise(plan, by)
        done = self._register(plan, by)
        for number, (wanted, planned) in enumerate(plan.institutions):
            if not any(change.verb != "stays_revoked" for change in planned):
                continue
            name = wanted.name if wanted else planned[0].institution
            with self._database.transaction(name) as transaction:
                if wanted is None:
                    now = everything_removed(transaction, plan.how)
                else:
                    now = changes(transaction, wanted, plan.how)
                if _as_planned(now) - _as_planned(planned):
                    raise InputError(
                        f"institution '{name}' was changed by somebody else since it was planned: plan again; "
                        f"{number} of {len(plan.institutions)} institutions are as the file says"
                    )
                done += self._carry_out(transaction, now, by, {}, show)
        return done

    def revoke(self, kind: str, name: str, institution: str, by: Principal, *, reason: str) -> list[Change]:
        """Take something away, effective in every process within a second. What is gone already stays so.

        Raises:
            Denied: ``by`` may not.
            InputError: there is no such thing.
        """
        how = How(self._secrets, self._clock, prune=True, restore=False)
        now = self._clock.now()
        detail = {"reason": reason}
        if kind == "institution":
            self._rights.require(by, Right.MANAGE_INSTITUTIONS, Resource.about(Right.MANAGE_INSTITUTIONS, institution))
            with self._database.transaction(self._operator) as transaction:
                members.remove(transaction, institution, now=now)
                self._record(transaction, by, "programme.institution_removed", f"institution:{institution}", detail)
        with self._database.transaction(institution) as transaction:
            if kind == "institution":
                found = everything_removed(transaction, how)
            elif kind == "person":
                person = people.get(transaction, name)
                found = [] if person is None else [person_removed(institution, person, now)]
            elif kind == "key":
                usable = usable_keys(transaction, now).get(name)
                found = [keys_revoked(institution, name, usable, self._clock)] if usable else []
            else:
                grant = transaction.get(Grant, name)
                found = [] if grant is None else [grant_revoked(grant)]
            if not found and kind != "institution":
                raise InputError(
                    f"institution '{institution}' has no {kind} '{name}' that could be revoked: "
                    "see `sakimori programme show`"
                )
            for change in found:
                self._rights.require(by, change.right, Resource.about(change.right, institution))
            self._carry_out(transaction, found, by, detail, _never_shown)
        return found

    def _register(self, plan: Plan, by: Principal) -> int:
        """Who belongs to the programme; first, so that an interrupted application can be seen and completed."""
        with self._database.transaction(self._operator) as transaction:
            known = {member.name for member in members.every(transaction) if member.removed_at is None}
            admitted = [name for name in plan.admitted if name not in known]
            dismissed = [name for name in plan.dismissed if name in known]
            members.add(transaction, admitted, now=self._clock.now())
            for name in dismissed:
                members.remove(transaction, name, now=self._clock.now())
            for names, action in (
                (admitted, "programme.institution_added"),
                (dismissed, "programme.institution_removed"),
            ):
                for name in names:
                    self._record(transaction, by, action, f"institution:{name}", {})
            if admitted or dismissed:
                self._ledger.seal(transaction)
        return len(admitted) + len(dismissed)

    def _carry_out(
        self,
        transaction: Transaction,
        found: Sequence[Change],
        by: Principal,
        detail: dict[str, Any],
        show: Callable[[Issued], None],
    ) -> int:
        done = [change for change in found if change.verb != "stays_revoked"]
        for change in done:
            plaintext = change.do(transaction)
            subject = f"{change.kind}:{change.name}"
            self._record(transaction, by, change.action, subject, {**change.detail, **detail})
            if plaintext is not None:
                show(Issued(change.institution, change.name, plaintext))
        self._ledger.seal(transaction)
        return len(done)

    def _authorise(self, plan: Plan, by: Principal) -> None:
        needed = [(Right.MANAGE_INSTITUTIONS, name) for name in (*plan.admitted, *plan.dismissed)]
        needed += [(change.right, change.institution) for change in plan.changes]
        for right, institution in dict.fromkeys(needed):
            self._rights.require(by, right, Resource.about(right, institution))

    def _record(
        self, transaction: Transaction, by: Principal, action: str, subject: str, detail: dict[str, Any]
    ) -> None:
        entry = LedgerEntry(
            id=f"le-{token_hex(12)}",
            tenant=transaction.tenant,
            time=self._clock.now(),
            actor=by.actor,
            action=action,
            subject=subject,
            detail=detail,
        )
        self._ledger.append(transaction, entry)


def _as_planned(found: Sequence[Change]) -> set[tuple[str, str, str, str]]:
    """What is compared: the same things, whatever the moment."""
    return {
        (change.kind, change.verb, change.name, repr(sorted(change.detail.items(), key=lambda item: item[0])))
        for change in found
    }


def _never_shown(_: Issued) -> None:
    """Revoking issues no keys."""
