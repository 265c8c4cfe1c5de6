"""Service keys: what a program shows to prove who it is.

A key reads ``sk-saki-<institution>-<id><secret><checksum>``: a prefix by which scanners for leaked secrets know it; the
institution (UTF-8 in base32, lower case), since no row can be looked up without one; a checksum that tells a mistyped
key from a wrong one without asking the database. Only a keyed hash of it is stored.

``issue``, ``rotate`` and ``revoke`` change keys; ``access.directory`` recognises them, in every process within a second
of a change.
"""

import base64
import binascii
import hmac
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from secrets import choice

import orjson
from sqlalchemy import BigInteger, Column, LargeBinary, Named, Row, Select, Table, Text, bindparam

from sakimori.access import epoch
from sakimori.access.principal import Principal
from sakimori.access.secrets import Secrets
from sakimori.core import Clock, InputError, Nanos
from sakimori.store import Database, Snapshot, Transaction
from sakimori.store.kept import run
from sakimori.store.schema import TenantColumns, metadata

SCOPES = ("gateway", "structured", "alerts", "incidents.read", "ledger.read", "services")
"""What policies know keys by (content/policies/access/keys.cedar), and ``structured``, which the gateway asks for."""
PREFIX = "sk-saki-"
_PURPOSE = "service-keys"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID, _SECRET, _CHECKSUM = 10, 32, 6  # 62^32 is more than 190 bits
_FORM = re.compile(rf"{PREFIX}([a-z2-7]+)-([0-9A-Za-z]{{{_ID}}})[0-9A-Za-z]{{{_SECRET}}}([0-9A-Za-z]{{{_CHECKSUM}}})")
_LONGEST = 1024
_SCOPE = re.compile(r"[a-z][a-z0-9_.:-]{0,63}")


class ServiceKeyColumns(TenantColumns):
    id: Named[str] = Column(Text, primary_key=True)
    name: Named[str] = Column(Text)
    scopes: Named[str] = Column(Text)
    """JSON array of strings."""
    digest: Named[bytes] = Column(LargeBinary)
    """HMAC-SHA-256 of the whole key under the institution's secret for this purpose."""
    created_at: Named[int] = Column(BigInteger)
    expires_at: Named[int | None] = Column(BigInteger)
    revoked_at: Named[int | None] = Column(BigInteger)


service_key = Table("service_key", metadata, ServiceKeyColumns)


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A key as it is known after it was issued: without the key itself."""

    tenant: str
    id: str
    name: str
    scopes: frozenset[str]
    created_at: Nanos
    expires_at: Nanos | None
    """The first moment at which it no longer works; None: never."""
    revoked_at: Nanos | None

    def usable(self, now: Nanos) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def issue(
    transaction: Transaction,
    secrets: Secrets,
    *,
    name: str,
    scopes: Iterable[str],
    clock: Clock,
    lifetime: timedelta | None = None,
) -> tuple[ServiceKey, str]:
    """Make a key for the transaction's institution. The second value is the key: it cannot be had again.

    Raises:
        InputError: a name that cannot be shown on a line, or something that is no scope.
        SecretsError: there are keys already, and the secret for their hashes is missing.
    """
    wanted = check_scopes(scopes)
    if not name.strip() or not name.isprintable() or len(name) > 200:
        raise InputError("a key needs a name of 1 to 200 printable characters")
    now = clock.now()
    secret = (secrets.provision if transaction.is_empty(service_key) else secrets.key)(transaction.tenant, _PURPOSE)
    key = ServiceKey(
        tenant=transaction.tenant,
        id=_random(_ID),
        name=name,
        scopes=wanted,
        created_at=now,
        expires_at=None if lifetime is None else now + _nanos(lifetime),
        revoked_at=None,
    )
    body = f"{PREFIX}{_encode_tenant(key.tenant)}-{key.id}{_random(_SECRET)}"
    plaintext = body + _checksum(body)
    row = {
        "id": key.id,
        "name": key.name,
        "scopes": _json(key.scopes),
        "digest": _digest(secret, plaintext),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": None,
    }
    transaction.insert(service_key, [row])
    epoch.changed(transaction)
    return key, plaintext


def provision(snapshots: Iterable[Snapshot], secrets: Secrets) -> None:
    """Make the secrets for hashes of institutions that have no keys yet, together: ``issue`` makes them one by one.

    Raises:
        SecretsError: they cannot be made.
    """
    secrets.provision_all([(snapshot.tenant, _PURPOSE) for snapshot in snapshots if snapshot.is_empty(service_key)])


def authenticate(database: Database, secrets: Secrets, plaintext: str, clock: Clock) -> Principal | None:
    """Who shows this key, or None where it is malformed, unknown, expired or revoked. Asks the database every time.

    Raises:
        SecretsError: the institution has such a key, and the secret for its hash is missing.
    """
    parsed = parse(plaintext)
    if parsed is None:
        return None
    tenant, id = parsed
    with database.snapshot(tenant) as snapshot:
        found = find(snapshot, id)
    return None if found is None else recognise(found, secrets, plaintext, clock.now())


@dataclass(frozen=True, slots=True)
class Held:
    """A key with the hash by which it is recognised."""

    key: ServiceKey
    digest: bytes
    principal: Principal


def find(snapshot: Snapshot, id: str) -> Held | None:
    """What is known of a key of the institution, whether or not it still works."""
    row = run(snapshot, _by_id, {"id": id}).one_or_none()
    if row is None:
        return None
    key = _from_row(row)
    return Held(key, row.digest, Principal(tenant=key.tenant, id=id, kind="key", scopes=key.scopes))


def recognise(held: Held, secrets: Secrets, plaintext: str, now: Nanos) -> Principal | None:
    """Whose key this is, if it is that key and works at this moment.

    Raises:
        SecretsError: the secret for its hash is missing.
    """
    expected = _digest(secrets.key(held.key.tenant, _PURPOSE), plaintext)
    return held.principal if hmac.compare_digest(held.digest, expected) and held.key.usable(now) else None


def rotate(
    transaction: Transaction,
    secrets: Secrets,
    key_id: str,
    *,
    clock: Clock,
    overlap: timedelta,
    lifetime: timedelta | None = None,
) -> tuple[ServiceKey, str, ServiceKey]:
    """Issue a key of the same name and scopes; the old one works for ``overlap`` longer, and never beyond its expiry.

    ``lifetime`` None: as long as the old one was made for.

    Returns:
        The new key, its text (it cannot be had again), and the old key as it is now.

    Raises:
        InputError: the institution has no such key, or it no longer works.
    """
    now = clock.now()
    held = find(transaction, key_id)
    if held is None:
        raise _no_such_key(transaction, key_id)
    old = held.key
    if not old.usable(now):
        raise InputError(f"key '{key_id}' no longer works, so that nothing is to be replaced: issue a new one")
    if lifetime is None and old.expires_at is not None:
        lifetime = timedelta(microseconds=(old.expires_at - old.created_at) // 1000)
    made, plaintext = issue(transaction, secrets, name=old.name, scopes=old.scopes, clock=clock, lifetime=lifetime)
    ends = now + _nanos(overlap)
    if old.expires_at is not None:
        ends = min(ends, old.expires_at)
    of_key = transaction.update(service_key).where(service_key.c.id == key_id)
    transaction.connection.execute(of_key.values(expires_at=ends))
    return made, plaintext, replace(old, expires_at=ends)


def rescope(transaction: Transaction, key_id: str, scopes: Iterable[str]) -> None:
    """Give a key other scopes.

    Raises:
        InputError: something that is no scope.
    """
    of_key = transaction.update(service_key).where(service_key.c.id == key_id)
    transaction.connection.execute(of_key.values(scopes=_json(check_scopes(scopes))))
    epoch.changed(transaction)


def revoke(transaction: Transaction, key_id: str, clock: Clock) -> ServiceKey:
    """Make a key useless from now on, for every process. Revoking twice keeps the first time.

    Raises:
        InputError: the institution has no such key.
    """
    of_key = service_key.c.id == key_id
    still_valid = transaction.update(service_key).where(of_key, service_key.c.revoked_at.is_(None))
    transaction.connection.execute(still_valid.values(revoked_at=clock.now()))
    epoch.changed(transaction)
    held = find(transaction, key_id)
    if held is None:
        raise _no_such_key(transaction, key_id)
    return held.key


def issued(snapshot: Snapshot) -> list[ServiceKey]:
    """All keys of the institution, oldest first, with those that no longer work."""
    return [_from_row(row) for row in run(snapshot, _oldest_first, {})]


def _oldest_first(view: Transaction) -> "Select[tuple[object, ...]]":
    return view.rows(service_key).order_by(service_key.c.created_at, service_key.c.id)


def _by_id(view: Transaction) -> "Select[tuple[object, ...]]":
    return view.rows(service_key).where(service_key.c.id == bindparam("id"))


def refuse_unknown(scopes: Iterable[str]) -> None:
    """For scopes that people write: raises InputError where nothing asks for one of them.

    Keys of earlier versions may hold others, and can be rotated all the same.
    """
    for scope in sorted(scopes):
        if scope not in SCOPES:
            raise InputError(f"'{scope}' is no scope: use {', '.join(SCOPES)}")


def check_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Raises InputError where something is no scope."""
    wanted = frozenset(scopes)
    for scope in sorted(wanted):
        if not _SCOPE.fullmatch(scope):
            raise InputError(f"'{scope}' is no scope: use lower-case words such as gateway")
    return wanted


def _no_such_key(transaction: Transaction, key_id: str) -> InputError:
    return InputError(f"institution '{transaction.tenant}' has no key '{key_id}': see `sakimori keys list`")


def _json(scopes: Iterable[str]) -> str:
    return orjson.dumps(sorted(scopes)).decode()


def _nanos(duration: timedelta) -> Nanos:
    return duration // timedelta(microseconds=1) * 1000


def _from_row(row: Row[*tuple[object, ...]]) -> ServiceKey:
    return ServiceKey(
        tenant=row.tenant,
        id=row.id,
        name=row.name,
        scopes=frozenset(orjson.loads(row.scopes)),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def parse(plaintext: str) -> tuple[str, str] | None:
    """Institution and id of a key that was not mistyped."""
    if len(plaintext) > _LONGEST or not (form := _FORM.fullmatch(plaintext)):
        return None
    if not hmac.compare_digest(_checksum(plaintext[:-_CHECKSUM]), form[3]):
        return None
    try:
        tenant = base64.b32decode(form[1].upper() + "=" * (-len(form[1]) % 8)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (tenant, form[2]) if _encode_tenant(tenant) == form[1] else None


def _encode_tenant(tenant: str) -> str:
    return base64.b32encode(tenant.encode()).decode().rstrip("=").lower()


def _digest(secret: bytes, plaintext: str) -> bytes:
    return hmac.digest(secret, plaintext.encode(), "sha256")


def _random(length: int) -> str:
    return "".join(choice(_ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    """CRC-32 in six base-62 digits, as in the token format that secret scanners know."""
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        value, digit = divmod(value, 62)
        digits = _ALPHABET[digit] + digits
    return digits
