"""Planning what a grants file changes, and carrying it out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sakimori.access import Principal, keys, members, people
from sakimori.access.rights import Resource, Right, Rights
from sakimori.access.secrets import Secrets
from sakimori.core import Clock, InputError
from sakimori.ledger import Ledger, new_entry
from sakimori.programme.change import (
    Change,
    How,
    changes,
    everything_removed,
    grant_revoked,
    institution_stays_revoked,
    keys_revoked,
    person_removed,
    usable_keys,
)
from sakimori.programme.file import GrantsFile, Institution
from sakimori.records import Grant, LedgerEntry
from sakimori.store import Database, Snapshot, Transaction

_ADDED, _REMOVED = "programme.institution_added", "programme.institution_removed"
_NOTHING_MORE: Mapping[str, Any] = MappingProxyType({})
_TOGETHER = 50
"""Institutions that are read, or changed and committed, together."""
_Wanted = tuple[Institution | None, tuple[Change, ...]]
"""What the file says of an institution, or None for one that is dismissed; and what it takes."""


def _not_watched(_: int) -> None:
    """Nobody wants to know how far it is."""


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
    institutions: tuple[_Wanted, ...]
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

    def plan(
        self,
        file: GrantsFile,
        by: Principal,
        *,
        prune: bool = False,
        restore: bool = False,
        passed: Callable[[int], object] = _not_watched,
    ) -> Plan:
        """Compare; nothing is written. ``passed`` is told each time how many institutions were looked at further.

        Raises:
            Denied: ``by`` may not do all of it.
            InputError: what is there and what the file says cannot both be.
        """
        how = How(self._secrets, self._clock, prune, restore)
        with self._database.snapshot(self._operator) as snapshot:
            known = members.every(snapshot)
        present = {member.name for member in known if member.removed_at is None}
        revoked = set[str]() if restore else {member.name for member in known} - present
        wanted = {institution.name: institution for institution in file.institutions}
        dismissed = sorted(present - set(wanted)) if prune else []
        found: list[_Wanted] = []
        for names in _groups([*wanted, *dismissed]):
            with self._database.snapshots(names) as each:
                for snapshot in each:
                    institution = wanted.get(snapshot.tenant)
                    if snapshot.tenant in revoked:
                        needed = [institution_stays_revoked(snapshot.tenant)]
                    else:
                        needed = _needed(snapshot, institution, how)
                    found.append((institution, tuple(needed)))
            passed(len(names))
        plan = Plan(
            admitted=tuple(name for name in wanted if name not in present | revoked),
            dismissed=tuple(dismissed),
            institutions=tuple(found),
            how=how,
        )
        self._authorise(plan, by)
        return plan

    def apply(
        self,
        plan: Plan,
        by: Principal,
        *,
        show: Callable[[Sequence[Issued]], object],
        passed: Callable[[int], object] = _not_watched,
    ) -> int:
        """Carry a plan out and return the number of changes. What somebody else did meanwhile is not done again.

        Institutions are committed some dozens at a time, each whole or not at all: if this is interrupted, planning
        again shows what is left. ``show`` gets keys before they are kept, so that none is issued which nobody has
        seen; ``passed`` is told each time how many institutions are now as the plan says.

        Raises:
            Denied: ``by`` may not do all of it; nothing is changed.
            InputError: somebody changed an institution otherwise since it was planned; it and later ones stay as they
                are.
        """
        self._authorise(plan, by)
        # Before and after all else, so that planning again sees what an interruption left undone.
        done = self._register(by, admitted=plan.admitted)
        changing = {
            wanted.name if wanted else planned[0].institution: (wanted, planned)
            for wanted, planned in plan.institutions
            if any(change.verb != "stays_revoked" for change in planned)
        }
        kept = len(plan.institutions) - len(changing)
        passed(kept)
        for names in _groups(list(changing)):
            self._make_keys({name: changing[name][1] for name in names})
            overtaken = None
            issued: list[Issued] = []
            with self._database.transactions(names) as each:
                for transaction in each:
                    wanted, planned = changing[transaction.tenant]
                    now = _needed(transaction, wanted, plan.how)
                    if _as_planned(now) - _as_planned(planned):
                        overtaken = transaction.tenant
                        break
                    done += self._carry_out(transaction, now, by, {}, issued)
                    kept += 1
                if issued:
                    show(issued)
            if overtaken is not None:
                raise InputError(
                    f"institution '{overtaken}' was changed by somebody else since it was planned: plan again; "
                    f"{kept} of {len(plan.institutions)} institutions are as the file says"
                )
            passed(len(names))
        return done + self._register(by, dismissed=plan.dismissed)

    def revoke(self, kind: str, name: str, institution: str, by: Principal, *, reason: str) -> list[Change]:
        """Take something away, effective in every process within a second.

        An institution may be revoked again, and then loses what an interruption left it.

        Raises:
            Denied: ``by`` may not.
            InputError: there is no such thing, or it was revoked already.
        """
        how = How(self._secrets, self._clock, prune=True, restore=False)
        now = self._clock.now()
        detail = {"reason": reason}
        if kind == "institution":
            self._rights.require(by, Right.MANAGE_INSTITUTIONS, Resource.about(Right.MANAGE_INSTITUTIONS, institution))
            with self._database.snapshot(self._operator) as snapshot:
                members.require(snapshot, institution)
        with self._database.transaction(institution) as transaction:
            if kind == "institution":
                found = everything_removed(transaction, how)
            elif kind == "person":
                person = people.get(transaction, name)
                found = [person_removed(institution, person, now)] if person and person.removed_at is None else []
            elif kind == "key":
                usable = usable_keys(transaction, now).get(name)
                found = [keys_revoked(institution, name, usable, self._clock)] if usable else []
            else:
                grant = transaction.get(Grant, name)
                found = [] if grant is None or grant.revoked else [grant_revoked(grant)]
            if not found and kind != "institution":
                raise InputError(
                    f"institution '{institution}' has no {kind} '{name}' that could be revoked: "
                    "see `sakimori programme show`"
                )
            for change in found:
                self._rights.require(by, change.right, Resource.about(change.right, institution))
            self._carry_out(transaction, found, by, detail, [])
        if kind == "institution":
            self._register(by, dismissed=(institution,), detail=detail)
        return found

    def _register(
        self,
        by: Principal,
        *,
        admitted: Sequence[str] = (),
        dismissed: Sequence[str] = (),
        detail: Mapping[str, Any] = _NOTHING_MORE,
    ) -> int:
        """Say who belongs to the programme from now on, and return how many are told of that somebody else did not."""
        with self._database.transaction(self._operator) as transaction:
            known = {member.name for member in members.every(transaction) if member.removed_at is None}
            new, old = [name for name in admitted if name not in known], [name for name in dismissed if name in known]
            members.add(transaction, new, now=self._clock.now())
            for name in old:
                members.remove(transaction, name, now=self._clock.now())
            entries = [
                self._entry(transaction, by, action, f"institution:{name}", dict(detail))
                for names, action in ((new, _ADDED), (old, _REMOVED))
                for name in names
            ]
            self._ledger.append(transaction, *entries)
        if entries:
            self._ledger.sequence(self._database, self._operator)
        return len(entries)

    def _make_keys(self, planned: Mapping[str, Sequence[Change]]) -> None:
        """What the institutions will need for the first time, so that they need not wait for the disk one by one."""
        issuing = [name for name, found in planned.items() if any(change.issues_key for change in found)]
        with self._database.snapshots(list(planned)) as each:
            self._ledger.provision(each)
        if issuing:
            with self._database.snapshots(issuing) as each:
                keys.provision(each, self._secrets)

    def _carry_out(
        self,
        transaction: Transaction,
        found: Sequence[Change],
        by: Principal,
        detail: dict[str, Any],
        issued: list[Issued],
    ) -> int:
        done = [change for change in found if change.verb != "stays_revoked"]
        entries: list[LedgerEntry] = []
        for change in done:
            plaintext = change.do(transaction)
            subject = f"{change.kind}:{change.name}"
            entries.append(self._entry(transaction, by, change.action, subject, {**change.detail, **detail}))
            if plaintext is not None:
                issued.append(Issued(change.institution, change.name, plaintext))
        self._ledger.append(transaction, *entries)
        self._ledger.seal(transaction)
        return len(done)

    def _authorise(self, plan: Plan, by: Principal) -> None:
        needed = [(Right.MANAGE_INSTITUTIONS, name) for name in (*plan.admitted, *plan.dismissed)]
        needed += [(change.right, change.institution) for change in plan.changes]
        for right, institution in dict.fromkeys(needed):
            self._rights.require(by, right, Resource.about(right, institution))

    def _entry(
        self, transaction: Transaction, by: Principal, action: str, subject: str, detail: dict[str, Any]
    ) -> LedgerEntry:
        return new_entry(
            transaction, at=self._clock.now(), actor=by.actor, action=action, subject=subject, detail=detail
        )


def _needed(snapshot: Snapshot, wanted: Institution | None, how: How) -> list[Change]:
    return everything_removed(snapshot, how) if wanted is None else changes(snapshot, wanted, how)


def _groups(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[first : first + _TOGETHER] for first in range(0, len(names), _TOGETHER))


def _as_planned(found: Sequence[Change]) -> set[tuple[str, str, str, str]]:
    """What is compared: the same things, whatever the moment."""
    return {
        (change.kind, change.verb, change.name, repr(sorted(change.detail.items(), key=lambda item: item[0])))
        for change in found
    }
