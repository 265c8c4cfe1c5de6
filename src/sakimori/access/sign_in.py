"""How people of an institution sign in: its identity provider, and what its claims say here. Deny by default."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
from sqlalchemy import Column, Named, Select, Table, Text

from sakimori.access import epoch
from sakimori.access.principal import Role
from sakimori.store import Snapshot, Transaction
from sakimori.store.kept import run
from sakimori.store.schema import TenantColumns, metadata


class SignInColumns(TenantColumns):
    body: Named[str] = Column(Text)
    """JSON object: the members of ``SignIn``."""


sign_in_table = Table("sign_in", metadata, SignInColumns)


@dataclass(frozen=True, slots=True)
class SignIn:
    issuer: str
    """URL, exactly as its tokens and its discovery document spell it."""
    client_id: str
    audience: str
    """What tokens must be made for; the client id, as a rule."""
    identity: str
    """The claim that names a person: ``sub``, ``email`` (only where ``email_verified`` is true), …"""
    require: Mapping[str, str]
    """Claims that must have exactly this value, or one of its members must: they tie a person to the institution."""
    role_claim: str | None
    """A claim with names of groups; None: roles are those that the programme lists."""
    roles: Mapping[str, Role]
    """Group name to role. A person has of their listed roles those that their groups confirm."""


def get(snapshot: Snapshot) -> SignIn | None:
    """How people of the institution sign in; None: they do not."""
    body = run(snapshot, _body, {}).scalar_one_or_none()
    return None if body is None else _from_plain(orjson.loads(body))


def put(transaction: Transaction, wanted: SignIn | None) -> None:
    """Change how people of the institution sign in; None: not at all."""
    if wanted is None:
        transaction.connection.execute(transaction.delete(sign_in_table))
    else:
        transaction.replace(sign_in_table, [{"body": orjson.dumps(as_plain(wanted)).decode()}])
    epoch.changed(transaction)


def as_plain(value: SignIn) -> dict[str, Any]:
    """Its members as JSON values."""
    return {
        "issuer": value.issuer,
        "client_id": value.client_id,
        "audience": value.audience,
        "identity": value.identity,
        "require": dict(value.require),
        "role_claim": value.role_claim,
        "roles": {group: str(role) for group, role in value.roles.items()},
    }


def _body(view: Transaction) -> "Select[str]":
    return view.rows(sign_in_table).with_only_columns(sign_in_table.c.body)


def _from_plain(plain: dict[str, Any]) -> SignIn:
    roles = cast("dict[str, str]", plain.pop("roles"))
    return SignIn(**plain, roles={group: Role(role) for group, role in roles.items()})
