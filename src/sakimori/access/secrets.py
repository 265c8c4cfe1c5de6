"""Secret keys of this install: 32 random bytes per institution and purpose, wrapped by a master key.

Each data key is a file of its own, encrypted with AES-256-GCM (NIST SP 800-38D) under the master key; institution and
purpose are bound to it, so that files cannot be swapped. ``master.json`` says where the master key is kept, in one of
the places of ``access.master``. ``rotate`` wraps all of them under another master key; the data keys stay, so that what
they signed and encrypted lasts.
"""

import base64
import binascii
import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes, token_hex

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sakimori.access import master
from sakimori.access.files import OpenToOthers, create, read_closed, refuse_if_open, replace
from sakimori.access.master import KEY_BYTES, SecretsError, key_id
from sakimori.core import InputError

__all__ = ["KEY_BYTES", "Secrets", "SecretsError"]

_PURPOSE = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")
_FORM = b"sakimori-wrapped-key/1"
_LONGEST = 4096
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class _Masters:
    """Which master keys there are: more than one only while they are being rotated."""

    active: str
    """Id of the one that wraps what is new."""
    sources: dict[str, str]
    """Id to where it is kept."""


class Secrets:
    """Keys by institution and purpose. Threads and processes may share the folder.

    A key that was used and is gone is never replaced in silence: all that it signed or encrypted would look forged. So
    reading one (``key``) and making one (``provision``) are two things, and only who knows that nothing was done with a
    key yet may ask for it to be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str], bytes] = {}
        self._masters: dict[str, bytes] = {}
        self._lock = threading.Lock()

    @staticmethod
    def embedded(home: Path) -> "Secrets":
        """The secrets of an install: files (0600) in ``home/secrets`` (0700)."""
        return Secrets(home / "secrets")

    def key(self, tenant: str, purpose: str) -> bytes:
        """32 random bytes, always the same for an institution and a purpose (``ledger-signing``, …).

        Raises:
            SecretsError: it or its master key is missing, damaged or cannot be read, or others may read it.
        """
        return self._get(tenant, purpose, self._find)

    def provision(self, tenant: str, purpose: str) -> bytes:
        """Like ``key``, but made where it is missing: for the first use only.

        Raises:
            SecretsError: it cannot be made or read, is damaged, or others may read it.
        """
        return self._get(tenant, purpose, self._find_or_make)

    def provision_all(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Make those that are missing, for the first use only: durable together, in a fraction of the time.

        ``wanted``: institutions and purposes.

        Raises:
            SecretsError: like ``provision``; some may have been made.
        """
        with self._lock, _explaining(self._folder):
            self._make({self._path(*one): _bound(*one) for one in wanted})

    def rotate(self, source: str | None = None) -> int:
        """Wrap every data key under another master key and return how many there are.

        ``source``: where that key is kept (``access.master``), made there if need be; None: a new file in the folder.
        If this is interrupted, all keys can still be read, and doing it again completes it.

        Raises:
            SecretsError: a key cannot be read or written; every key is wrapped by the old or the new master key.
        """
        with self._lock, _explaining(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone():
                return self._rotate(source)

    @contextmanager
    def rotating_alone(self) -> Generator[None, None, None]:
        """While no other process rotates data keys of this install.

        Raises:
            InputError: one does.
            SecretsError: the folder cannot be used.
        """
        path = self._folder / ".rotating"
        with _explaining(path):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(
                    f"another process is rotating the data keys in {self._folder}: wait until it is done"
                ) from error
            yield
        finally:
            os.close(handle)

    def _get(self, tenant: str, purpose: str, ask: Callable[[str, str], bytes]) -> bytes:
        with self._lock:
            known = self._known.get((tenant, purpose))
            if known is None:
                known = self._known[tenant, purpose] = ask(tenant, purpose)
            return known

    def _rotate(self, source: str | None) -> int:
        before = self._where()
        named = f"file:master-{token_hex(8)}.key" if source is None else source
        made = master.make(named, self._folder)
        active = key_id(made)
        sources = {} if before is None else dict(before.sources)
        sources.setdefault(active, named)
        self._write_where(_Masters(active, sources))
        paths = sorted(self._folder.glob("*/*.key"))
        for path in paths:
            wrapping, sealed, bound = _parse(read_closed(path, _LONGEST), path)
            if wrapping != active:
                key = _open(self._master(wrapping), sealed, bound, path)
                replace(path, _wrapped(active, made, key, bound))
        self._write_where(_Masters(active, {active: named}))
        for id, old in sources.items():
            # A file of ours that opens nothing any more; what is kept elsewhere, its keeper removes.
            if id != active and old.startswith("file:master-"):
                (self._folder / old.removeprefix("file:")).unlink(missing_ok=True)
        self._masters = {active: made}
        return len(paths)

    def _find(self, tenant: str, purpose: str) -> bytes:
        path = self._path(tenant, purpose)
        with _explaining(path):
            try:
                for folder in (self._folder, path.parent):
                    refuse_if_open(folder, folder.stat(), "700")
                return self._read(path, _bound(tenant, purpose))
            except FileNotFoundError as error:
                raise SecretsError(
                    f"the {purpose} key of institution '{tenant}' is missing: restore {path} from a backup; no new one "
                    "is made in its place, since what the old one protects would be lost"
                ) from error

    def _find_or_make(self, tenant: str, purpose: str) -> bytes:
        path, bound = self._path(tenant, purpose), _bound(tenant, purpose)
        with _explaining(path):
            self._make({path: bound})
            return self._read(path, bound)

    def _make(self, wanted: Mapping[Path, bytes]) -> None:
        """Make the keys that are missing, by path; ``wanted`` has what each is bound to."""
        self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in dict.fromkeys((self._folder, *(path.parent for path in wanted))):
            folder.mkdir(mode=0o700, exist_ok=True)
            refuse_if_open(folder, folder.stat(), "700")
        missing = {path: bound for path, bound in wanted.items() if not path.exists()}
        if missing:
            with self._alone():  # or the master key that wraps them might be rotated away meanwhile
                active, key = self._active()
                create({path: _wrapped(active, key, token_bytes(KEY_BYTES), bound) for path, bound in missing.items()})

    def _read(self, path: Path, bound: bytes) -> bytes:
        for last in (False, True):
            wrapping, sealed, named = _parse(read_closed(path, _LONGEST), path)
            if named != bound:
                raise _damaged(path)
            try:
                return _open(self._master(wrapping), sealed, bound, path)
            except _Gone:
                # Rotated between the two readings.
                if last:
                    raise
        raise AssertionError("unreachable")

    def _active(self) -> tuple[str, bytes]:
        """The master key for what is new; the first is made as a file. Alone only."""
        known = self._where()
        if known is None:
            if any(self._folder.glob("*/*.key")):
                raise SecretsError(
                    f"{self._folder / 'master.json'}, which says where the master key is kept, is missing: "
                    "restore it from a backup"
                )
            source = f"file:master-{token_hex(8)}.key"
            made = master.make(source, self._folder)
            self._write_where(_Masters(key_id(made), {key_id(made): source}))
            return key_id(made), made
        return known.active, self._master(known.active)

    def _master(self, id: str) -> bytes:
        if id not in self._masters:
            known = self._where()
            source = None if known is None else known.sources.get(id)
            if source is None:
                raise _Gone(f"master key {id} is not in {self._folder / 'master.json'}: restore both from one backup")
            key = master.read(source, self._folder)
            if key_id(key) != id:
                raise SecretsError(f"the key at {source} is not master key {id}: put that one back")
            self._masters[id] = key
        return self._masters[id]

    def _where(self) -> _Masters | None:
        path = self._folder / "master.json"
        try:
            body = orjson.loads(read_closed(path, 1 << 20))
            return _Masters(body["active"], dict(body["sources"]))
        except FileNotFoundError:
            return None
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise SecretsError(f"{path} is damaged: restore it from a backup") from error

    def _write_where(self, masters: _Masters) -> None:
        body = orjson.dumps({"active": masters.active, "sources": masters.sources}, option=orjson.OPT_INDENT_2)
        replace(self._folder / "master.json", body + b"\n")

    @contextmanager
    def _alone(self) -> Generator[None, None, None]:
        """While no other process makes or wraps keys."""
        handle = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _path(self, tenant: str, purpose: str) -> Path:
        if not _PURPOSE.match(purpose):
            raise ValueError(f"not a purpose: {purpose!r}")
        # Institutions have names in any script and case, file systems do not: the digest keeps them apart.
        return self._folder / hashlib.sha256(tenant.encode()).hexdigest()[:32] / f"{purpose}.key"


class _Gone(SecretsError):
    """The master key was rotated away, or lost."""


def _bound(tenant: str, purpose: str) -> bytes:
    """What a wrapped key is for: names it, and is authenticated with it."""
    return hashlib.sha256(b"sakimori.wrapped-key/1\0" + tenant.encode() + b"\0" + purpose.encode()).digest()


def _wrapped(id: str, key: bytes, data_key: bytes, bound: bytes) -> bytes:
    nonce = token_bytes(_NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, data_key, bound)
    return b" ".join((_FORM, id.encode(), base64.b64encode(bound), base64.b64encode(sealed))) + b"\n"


def _parse(content: bytes, path: Path) -> tuple[str, bytes, bytes]:
    """Which master key wraps it, the wrapped key, and what it is for."""
    try:
        form, id, bound, sealed = content.split()
        if form != _FORM:
            raise _damaged(path)
        return id.decode(), base64.b64decode(sealed, validate=True), base64.b64decode(bound, validate=True)
    except (ValueError, binascii.Error) as error:
        raise _damaged(path) from error


def _open(key: bytes, sealed: bytes, bound: bytes, path: Path) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
    except (InvalidTag, ValueError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> SecretsError:
    return SecretsError(f"the secret {path} is damaged: restore it from a backup")


@contextmanager
def _explaining(path: Path) -> Generator[None, None, None]:
    try:
        yield
    except OpenToOthers as error:
        raise SecretsError(str(error)) from error
    except OSError as error:
        raise SecretsError(
            f"the secret {path} cannot be used: {error.strerror}; check its folder or set SAKIMORI_HOME"
        ) from error
