"""An institution's dictionaries: lists that it loads of what must not leave, sealed in the store, and the boundary made
with them.

Names and numbers are kept as keyed hashes (``boundary/keyed_list.py``); domains and host patterns, which must be read
to be matched, as text. Either is sealed with AES-256-GCM under a key of the institution that is never renewed, since
hashes cannot be made anew without the list: whoever wants another loads the lists again.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from os import urandom

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from sakimori.access.secrets import Secrets
from sakimori.core import InputError, Nanos
from sakimori.gateway.boundary import Boundary, Dictionary, Kind, Recogniser
from sakimori.gateway.boundary.detectors import Detector
from sakimori.gateway.keys import tokens_key
from sakimori.records import Inventory
from sakimori.store import Snapshot, StoreError, Transaction, dictionaries
from sakimori.store.dictionaries import Listed

HASHED_KINDS: dict[str, Kind] = {
    "staff": Kind.PERSON,
    "customer-name": Kind.PERSON,
    "customer-number": Kind.CUSTOMER,
    "organisation": Kind.ORG,
    "user": Kind.USER,
    "host": Kind.HOST,
    "product": Kind.NAME,
    "project": Kind.NAME,
}
"""Kinds of lists that are kept as keyed hashes."""
READ_KINDS = ("domain", "host-pattern")
"""Kinds of lists that are kept sealed, in their own words."""
_PURPOSE = "boundary-dictionary"
_NONCE_BYTES = 12
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MOST_READ = 100_000
_DOMAIN = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_HOST_PATTERN = re.compile(r"(?=.*[a-z0-9])[a-z0-9_.*?-]{3,253}")


def load(
    transaction: Transaction, secrets: Secrets, name: str, kind: str, entries: Iterable[str], *, now: Nanos
) -> tuple[Listed, int]:
    """Keep a list in place of the one of its name. Returns it, and how many entries were too short or too long.

    Raises:
        InputError: the name or an entry cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"'{name}' is no name for a list: use up to 64 of a-z, 0-9, '.', '_' and '-'")
    key = secrets.provision(transaction.tenant, _PURPOSE)
    if kind in HASHED_KINDS:
        from sakimori.gateway.boundary import KeyedList  # with NumPy, which gateways without such lists need not load

        made, left_out = KeyedList.of(_derived(key, "hashes"), HASHED_KINDS[kind], entries)
        content, count = made.to_bytes(), made.entries
    else:
        words = sorted(set(_read_entries(kind, entries)))
        content, count, left_out = orjson.dumps(words), len(words), 0
    listed = Listed(name=name, kind=kind, entries=count, loaded_at=now)
    nonce = urandom(_NONCE_BYTES)
    sealed = AESGCM(_derived(key, "seal")).encrypt(nonce, content, _bound(transaction.tenant, name, kind))
    dictionaries.replace(transaction, listed, nonce + sealed)
    return listed, left_out


def boundary_of(snapshot: Snapshot, secrets: Secrets, recogniser: Recogniser | None = None) -> Boundary:
    """The institution's boundary: its token key, inventory and dictionaries.

    Raises:
        SecretsError, StoreError: a key is missing or a list cannot be opened: no boundary is better than half of one.
    """
    dictionary = Dictionary.of(snapshot.get(Inventory, "current"))
    hashed: list[bytes] = []
    listed = dictionaries.listed(snapshot)
    key = secrets.key(snapshot.tenant, _PURPOSE) if listed else b""
    for found in listed:
        content = _opened(snapshot, key, found)
        if found.kind in HASHED_KINDS:
            hashed.append(content)
            continue
        words = frozenset[str](orjson.loads(content))
        if found.kind == "domain":
            dictionary = replace(dictionary, domains=dictionary.domains | words)
        else:
            dictionary = replace(dictionary, host_patterns=dictionary.host_patterns | words)
    lists = _keyed_lists(key, hashed) if hashed else None
    return Boundary(snapshot.tenant, tokens_key(snapshot, secrets), dictionary, lists=lists, recogniser=recogniser)


def _keyed_lists(key: bytes, contents: Iterable[bytes]) -> Detector:
    from sakimori.gateway.boundary import KeyedList, KeyedLists  # with NumPy: see ``load``

    return KeyedLists(_derived(key, "hashes"), map(KeyedList.from_bytes, contents))


def version(snapshot: Snapshot) -> tuple[int, Nanos]:
    """Changes whenever a list does."""
    return dictionaries.changed_at(snapshot)


def _opened(snapshot: Snapshot, key: bytes, listed: Listed) -> bytes:
    sealed = dictionaries.contents(snapshot, listed.name)
    try:
        cipher = AESGCM(_derived(key, "seal"))
        bound = _bound(snapshot.tenant, listed.name, listed.kind)
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
    except InvalidTag as error:
        raise StoreError(
            f"the dictionary '{listed.name}' of '{snapshot.tenant}' cannot be opened: its key was replaced or a row "
            "was changed; load the list again, or restore the install's secrets folder"
        ) from error


def _read_entries(kind: str, entries: Iterable[str]) -> Iterator[str]:
    pattern = _DOMAIN if kind == "domain" else _HOST_PATTERN
    for number, entry in enumerate(entries, start=1):
        word = entry.strip().lower().removeprefix("*.") if kind == "domain" else entry.strip().lower()
        if not pattern.fullmatch(word):
            raise InputError(f"entry {number} is no {kind.replace('-', ' ')}: use letters, digits, '-', '_' and '.'")
        if number > _MOST_READ:
            raise InputError(f"a list of the kind {kind} may have {_MOST_READ} entries at most")
        yield word


def _derived(key: bytes, use: str) -> bytes:
    """A key of its own for each use (RFC 5869, expansion)."""
    return HKDFExpand(SHA256(), 32, f"sakimori boundary dictionary {use}".encode()).derive(key)


def _bound(tenant: str, name: str, kind: str) -> bytes:
    return sha256(f"{tenant}\0{name}\0{kind}".encode()).digest()
