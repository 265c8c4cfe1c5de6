"""How a grant comes about: an institution asks, the authority agrees, the provider is set up; a call then proves it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sakimori.access import Principal
from sakimori.access.rights import Denied, Resource, Right, Rights
from sakimori.core import Clock, InputError
from sakimori.ledger import Ledger, new_entry
from sakimori.records import Grant, GrantState
from sakimori.store import Database, Transaction


class Granting:
    """Each step is one transaction of the institution, with its ledger entry."""

    def __init__(self, database: Database, ledger: Ledger, rights: Rights, *, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._rights = rights
        self._clock = clock

    def request(self, grant: Grant, by: Principal) -> Grant:
        """Keep what an institution asks for.

        Raises:
            Denied: ``by`` may not ask for it.
            InputError: there is a grant of that name.
        """
        self._require(by, Right.REQUEST_GRANTS, grant.tenant)
        asked = replace(grant, state=GrantState.REQUESTED, requested_by=by.actor)
        with self._database.transaction(grant.tenant) as transaction:
            if (known := transaction.get(Grant, grant.id)) is not None:
                raise InputError(f"there is a grant '{grant.id}' already, which is {known.state}: choose another name")
            self._keep(transaction, asked, by, "grant.requested", asked.terms)
        return asked

    def approve(self, institution: str, name: str, by: Principal) -> Grant:
        """Agree to what was asked for, as it was asked.

        Raises:
            Denied: ``by`` may not, or is who asked for it.
            InputError: there is no such request.
        """
        self._require(by, Right.MANAGE_GRANTS, institution)
        with self._database.transaction(institution) as transaction:
            grant = _in_state(transaction, name, GrantState.REQUESTED)
            # Where nobody signs in, one account of the machine is all there is.
            if grant.requested_by == by.actor and by.kind != "owner":
                raise Denied(f"{by.actor} asked for grant '{name}' and may not approve it: somebody else must")
            approved = replace(grant, state=GrantState.APPROVED)
            return self._keep(transaction, approved, by, "grant.approved", approved.terms)

    def provision(self, institution: str, name: str, by: Principal) -> Grant:
        """Say that the provider is set up for a grant, so that a call may prove it.

        Raises:
            Denied: ``by`` may not.
            InputError: no such grant was approved.
        """
        self._require(by, Right.MANAGE_GRANTS, institution)
        with self._database.transaction(institution) as transaction:
            provisioned = replace(_in_state(transaction, name, GrantState.APPROVED), state=GrantState.PROVISIONED)
            return self._keep(transaction, provisioned, by, "grant.provisioned", {})

    def _require(self, by: Principal, right: Right, institution: str) -> None:
        self._rights.require(by, right, Resource.about(right, institution))

    def _keep(
        self, transaction: Transaction, grant: Grant, by: Principal, action: str, detail: Mapping[str, Any]
    ) -> Grant:
        transaction.put(grant)
        entry = new_entry(
            transaction,
            at=self._clock.now(),
            actor=by.actor,
            action=action,
            subject=f"grant:{grant.id}",
            detail=detail,
        )
        self._ledger.append(transaction, entry)
        self._ledger.seal(transaction)
        return grant


def _in_state(transaction: Transaction, name: str, state: GrantState) -> Grant:
    grant = transaction.get(Grant, name)
    if grant is None:
        raise InputError(f"institution '{transaction.tenant}' has no grant '{name}': see `sakimori grants show`")
    if grant.state is not state:
        raise InputError(f"grant '{name}' is {grant.state}, not {state}: see `sakimori grants show {name}`")
    return grant
