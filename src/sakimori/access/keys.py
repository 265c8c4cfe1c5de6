"""Service keys: what a program shows to prove who it is.

A key reads ``sk-saki-<institution>-<id><secret><checksum>``: a prefix by which scanners for leaked secrets know it; the
institution (UTF-8 in base32, lower case), since no row can be looked up without one; a checksum that tells a mistyped
key from a wrong one without asking the database. Only a keyed hash of it is stored.
"""

import base64
import binascii
import hmac
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from secrets import choice

import orjson
from sqlalchemy import BigInteger, Column, LargeBinary, Named, Row, Table, Text

from sakimori.access.principal import Principal
from sakimori.access.secrets import Secrets
from sakimori.core import Clock, InputError, Nanos
from sakimori.store import Database, Snapshot, Transaction
from sakimori.store.schema import TenantColumns, metadata

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
    wanted = frozenset(scopes)
    if not name.strip() or not name.isprintable() or len(name) > 200:
        raise InputError("a key needs a name of 1 to 200 printable characters")
    for scope in sorted(wanted):
        if not _SCOPE.fullmatch(scope):
            raise InputError(f"'{scope}' is no scope: use lower-case words such as gateway.call")
    now = clock.now()
    secret = (secrets.provision if transaction.is_empty(service_key) else secrets.key)(transaction.tenant, _PURPOSE)
    key = ServiceKey(
        tenant=transaction.tenant,
        id=_random(_ID),
        name=name,
        scopes=wanted,
        created_at=now,
        expires_at=None if lifetime is None else now + lifetime // timedelta(microseconds=1) * 1000,
        revoked_at=None,
    )
    body = f"{PREFIX}{_encode_tenant(key.tenant)}-{key.id}{_random(_SECRET)}"
    plaintext = body + _checksum(body)
    row = {
        "id": key.id,
        "name": key.name,
        "scopes": orjson.dumps(sorted(key.scopes)).decode(),
        "digest": _digest(secret, plaintext),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": None,
    }
    transaction.insert(service_key, [row])
    return key, plaintext


def authenticate(database: Database, secrets: Secrets, plaintext: str, clock: Clock) -> Principal | None:
    """Who shows this key, or None where it is malformed, unknown, expired or revoked.

    Raises:
        SecretsError: the institution has such a key, and the secret for its hash is missing.
    """
    parsed = _parse(plaintext)
    if parsed is None:
        return None
    tenant, id = parsed
    with database.snapshot(tenant) as snapshot:
        found = snapshot.connection.execute(snapshot.rows(service_key).where(service_key.c.id == id)).one_or_none()
    if found is None or not hmac.compare_digest(found.digest, _digest(secrets.key(tenant, _PURPOSE), plaintext)):
        return None
    key = _from_row(found)
    return Principal(tenant=tenant, id=id, kind="key", scopes=key.scopes) if key.usable(clock.now()) else None


def revoke(transaction: Transaction, key_id: str, clock: Clock) -> ServiceKey:
    """Make a key useless from now on, for every process. Revoking twice keeps the first time.

    Raises:
        InputError: the institution has no such key.
    """
    of_key = service_key.c.id == key_id
    still_valid = transaction.update(service_key).where(of_key, service_key.c.revoked_at.is_(None))
    transaction.connection.execute(still_valid.values(revoked_at=clock.now()))
    found = transaction.connection.execute(transaction.rows(service_key).where(of_key)).one_or_none()
    if found is None:
        raise InputError(f"institution '{transaction.tenant}' has no key '{key_id}': see `sakimori keys list`")
    return _from_row(found)


def issued(snapshot: Snapshot) -> list[ServiceKey]:
    """All keys of the institution, oldest first, with those that no longer work."""
    ordered = snapshot.rows(service_key).order_by(service_key.c.created_at, service_key.c.id)
    return [_from_row(row) for row in snapshot.connection.execute(ordered)]


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


def _parse(plaintext: str) -> tuple[str, str] | None:
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
