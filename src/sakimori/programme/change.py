"""What would have to change for an institution to be as a grants file says."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sakimori.access import Role, keys, people, sign_in, sshsig
from sakimori.access.keys import ServiceKey
from sakimori.access.people import Person
from sakimori.access.rights import Right
from sakimori.access.secrets import Secrets
from sakimori.core import Clock, InputError, Nanos
from sakimori.programme.file import Institution, WantedKey
from sakimori.records import Grant, GrantState
from sakimori.store import Snapshot, Transaction

Kind = Literal["institution", "sign_in", "person", "key", "grant"]
Verb = Literal["add", "change", "restore", "remove", "stays_revoked"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do; ``stays_revoked`` is nothing to do, but to be said."""

    institution: str
    kind: Kind
    verb: Verb
    name: str
    detail: Mapping[str, Any]
    """What it will be, or what differs: typed facts, for people and the ledger; never an identity or a key."""
    right: Right
    """What who applies it must be allowed to do in the institution."""
    do: Callable[[Transaction], str | None] = field(compare=False, repr=False)
    """Carries it out; returns the text of a key that it issued."""

    @property
    def issues_key(self) -> bool:
        return self.kind == "key" and self.verb in ("add", "restore")

    @property
    def action(self) -> str:
        """As the ledger names it."""
        done = {"add": "added", "change": "changed", "restore": "restored", "remove": "removed"}
        return f"programme.{self.kind}_{done.get(self.verb, self.verb)}"


@dataclass(frozen=True, slots=True)
class How:
    """What is needed to compare and to change."""

    secrets: Secrets
    clock: Clock
    prune: bool
    """Whether to remove what the file no longer names."""
    restore: bool
    """Whether to bring back what was revoked and the file still names."""


def changes(snapshot: Snapshot, wanted: Institution, how: How) -> list[Change]:
    """In the order in which they are to be made: what is removed first.

    Raises:
        InputError: two people would have one identity.
    """
    now = how.clock.now()
    found = [
        *_people(snapshot, wanted, how, now),
        *_keys(snapshot, wanted, how, now),
        *_grants(snapshot, wanted, how),
    ]
    known = sign_in.get(snapshot)
    if wanted.sign_in is not None and wanted.sign_in != known:
        found.append(_sign_in(wanted, "add" if known is None else "change", wanted.sign_in))
    elif wanted.sign_in is None and known is not None and how.prune:
        found.append(_sign_in(wanted, "remove", None))
    return sorted(found, key=lambda change: change.verb != "remove")


def everything_removed(snapshot: Snapshot, how: How) -> list[Change]:
    """What takes an institution's people, keys and grants away."""
    nothing = Institution(snapshot.tenant, None, (), (), ())
    return changes(snapshot, nothing, replace(how, prune=True))


def institution_stays_revoked(tenant: str) -> Change:
    """In place of all that the file says of it."""
    return _stays_revoked(tenant, "institution", tenant, Right.READ_PROGRAMME)


def person_removed(tenant: str, person: Person, now: Nanos) -> Change:
    def do(transaction: Transaction) -> None:
        people.remove(transaction, person.name, now=now)

    return Change(tenant, "person", "remove", person.name, {}, _right_for(person.roles), do)


def keys_revoked(tenant: str, name: str, found: Sequence[ServiceKey], clock: Clock) -> Change:
    def do(transaction: Transaction) -> None:
        for key in found:
            keys.revoke(transaction, key.id, clock)

    return Change(tenant, "key", "remove", name, {"ids": [key.id for key in found]}, Right.MANAGE_KEYS, do)


def grant_revoked(grant: Grant) -> Change:
    def do(transaction: Transaction) -> None:
        transaction.put(replace(grant, state=GrantState.REVOKED))

    return Change(grant.tenant, "grant", "remove", grant.id, {}, Right.MANAGE_GRANTS, do)


def usable_keys(snapshot: Snapshot, now: Nanos) -> dict[str, list[ServiceKey]]:
    """Those that work at this moment, by name."""
    found: dict[str, list[ServiceKey]] = {}
    for key in keys.issued(snapshot):
        if key.usable(now):
            found.setdefault(key.name, []).append(key)
    return found


def _sign_in(wanted: Institution, verb: Verb, value: sign_in.SignIn | None) -> Change:
    def do(transaction: Transaction) -> None:
        sign_in.put(transaction, value)

    # All of it: who is let in changes with each member, and `require` most of all.
    detail = {} if value is None else sign_in.as_plain(value)
    return Change(wanted.name, "sign_in", verb, value.issuer if value else "", detail, Right.MANAGE_INSTITUTIONS, do)


def _people(snapshot: Snapshot, wanted: Institution, how: How, now: Nanos) -> Iterator[Change]:
    known = {person.name: person for person in people.everyone(snapshot)}
    named = {person.name for person in wanted.people}
    left = {person.identity: person.name for person in known.values() if person.removed_at is None}
    for person in known.values():
        if person.removed_at is None and person.name not in named and how.prune:
            del left[person.identity]
            yield person_removed(wanted.name, person, now)
    for person in wanted.people:
        before = known.get(person.name)
        if before is not None and before.removed_at is not None and not how.restore:
            yield _stays_revoked(wanted.name, "person", person.name, Right.MANAGE_PEOPLE)
            continue
        after = replace(person, created_at=now if before is None else before.created_at)
        if after == before:
            continue
        if left.get(person.identity, person.name) != person.name:
            raise InputError(
                f"institution '{wanted.name}': the identity of '{person.name}' is that of '{left[person.identity]}' "
                "at this time: remove or change that person first"
            )
        verb: Verb = "add" if before is None else "change" if before.removed_at is None else "restore"
        detail = {
            "roles": sorted(after.roles),
            "signing_keys": [sshsig.fingerprint(key) for key in after.signing_keys],
            "identity_changed": before is not None and before.identity != after.identity,
        }
        if before is not None and left.get(before.identity) == person.name:
            del left[before.identity]
        left[person.identity] = person.name
        right = _right_for(after.roles if before is None else after.roles | before.roles)
        yield Change(wanted.name, "person", verb, person.name, detail, right, _putting(after))


def _putting(person: Person) -> Callable[[Transaction], None]:
    return lambda transaction: people.put(transaction, person)


def _right_for(roles: frozenset[Role]) -> Right:
    """Operators reach beyond their institution, so that its own admins cannot make them."""
    return Right.MANAGE_INSTITUTIONS if Role.AUTHORITY_OPERATOR in roles else Right.MANAGE_PEOPLE


def _keys(snapshot: Snapshot, wanted: Institution, how: How, now: Nanos) -> Iterator[Change]:
    usable = usable_keys(snapshot, now)
    revoked = {key.name for key in keys.issued(snapshot) if key.revoked_at is not None}
    named = {key.name for key in wanted.keys}
    for name, found in usable.items():
        if name not in named and how.prune:
            yield keys_revoked(wanted.name, name, found, how.clock)
    for key in wanted.keys:
        found = usable.get(key.name, [])
        detail: dict[str, Any] = {"scopes": sorted(key.scopes)}
        if other := [held.id for held in found if held.scopes != key.scopes]:
            do = _rescoping(other, key)
            yield Change(wanted.name, "key", "change", key.name, detail, Right.MANAGE_KEYS, do)
        elif not found and key.name in revoked and not how.restore:
            yield _stays_revoked(wanted.name, "key", key.name, Right.MANAGE_KEYS)
        elif not found:
            verb: Verb = "restore" if key.name in revoked else "add"
            detail["days"] = key.lifetime.days
            yield Change(wanted.name, "key", verb, key.name, detail, Right.MANAGE_KEYS, _issuing(key, how))


def _rescoping(ids: Sequence[str], key: WantedKey) -> Callable[[Transaction], None]:
    def do(transaction: Transaction) -> None:
        for id in ids:
            keys.rescope(transaction, id, key.scopes)

    return do


def _issuing(key: WantedKey, how: How) -> Callable[[Transaction], str]:
    return lambda transaction: keys.issue(
        transaction, how.secrets, name=key.name, scopes=key.scopes, clock=how.clock, lifetime=key.lifetime
    )[1]


def _grants(snapshot: Snapshot, wanted: Institution, how: How) -> Iterator[Change]:
    known = {grant.id: grant for grant in snapshot.all(Grant)}
    named = {grant.id for grant in wanted.grants}
    for grant in known.values():
        if not grant.revoked and grant.id not in named and how.prune:
            yield grant_revoked(grant)
    for grant in wanted.grants:
        before = known.get(grant.id)
        if before is not None and before.revoked and not how.restore:
            yield _stays_revoked(wanted.name, "grant", grant.id, Right.MANAGE_GRANTS)
        elif before is None or not before.usable or before != _as_it_stands(grant, before):
            verb: Verb = "add" if before is None else "restore" if before.revoked else "change"
            yield Change(wanted.name, "grant", verb, grant.id, grant.terms, Right.MANAGE_GRANTS, _granting(grant))


def _as_it_stands(grant: Grant, before: Grant) -> Grant:
    """What the file says, which knows nothing of proving calls; one that differs must be proved again."""
    return replace(grant, state=before.state, requested_by=before.requested_by)


def _granting(grant: Grant) -> Callable[[Transaction], None]:
    return lambda transaction: transaction.put(grant)


def _stays_revoked(institution: str, kind: Kind, name: str, right: Right) -> Change:
    return Change(institution, kind, "stays_revoked", name, {}, right, lambda _: None)
