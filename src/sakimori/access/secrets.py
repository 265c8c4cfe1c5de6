"""Secret keys of this install: 32 random bytes per institution and purpose, each in a file of its own."""

import hashlib
import os
import re
import stat
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes, token_hex

from sakimori.core import SakimoriError

KEY_BYTES = 32
_PURPOSE = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")


class SecretsError(SakimoriError):
    """A secret is missing, or cannot be kept or read safely."""


class Secrets:
    """Keys by institution and purpose. Threads and processes may share the folder.

    A key that was used and is gone is never replaced in silence: all that it signed or encrypted would look forged. So
    reading one (``key``) and making one (``provision``) are two things, and only who knows that nothing was done with a
    key yet may ask for it to be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str], bytes] = {}
        self._lock = threading.Lock()

    @staticmethod
    def embedded(home: Path) -> "Secrets":
        """The secrets of an install: files (0600) in ``home/secrets`` (0700)."""
        return Secrets(home / "secrets")

    def key(self, tenant: str, purpose: str) -> bytes:
        """32 random bytes, always the same for an institution and a purpose (``ledger-signing``, …).

        Raises:
            SecretsError: it is missing, damaged or cannot be read, or others may read it.
        """
        return self._get(tenant, purpose, self._find)

    def provision(self, tenant: str, purpose: str) -> bytes:
        """Like ``key``, but made where it is missing: for the first use only.

        Raises:
            SecretsError: it cannot be made or read, is damaged, or others may read it.
        """
        return self._get(tenant, purpose, self._find_or_make)

    def _get(self, tenant: str, purpose: str, ask: Callable[[str, str], bytes]) -> bytes:
        with self._lock:
            known = self._known.get((tenant, purpose))
            if known is None:
                known = self._known[tenant, purpose] = ask(tenant, purpose)
            return known

    def _find(self, tenant: str, purpose: str) -> bytes:
        path = self._path(tenant, purpose)
        with _explaining(path):
            try:
                for folder in (self._folder, path.parent):
                    _refuse_if_open(folder, folder.stat(), "700")
                return _read(path)
            except FileNotFoundError as error:
                raise SecretsError(
                    f"the {purpose} key of institution '{tenant}' is missing: restore {path} from a backup; no new one "
                    "is made in its place, since what the old one protects would be lost"
                ) from error

    def _find_or_make(self, tenant: str, purpose: str) -> bytes:
        path = self._path(tenant, purpose)
        with _explaining(path):
            self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self._folder, path.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
                _refuse_if_open(folder, folder.stat(), "700")
            if not path.exists():
                _create(path)
            return _read(path)

    def _path(self, tenant: str, purpose: str) -> Path:
        if not _PURPOSE.match(purpose):
            raise ValueError(f"not a purpose: {purpose!r}")
        # Institutions have names in any script and case, file systems do not: the digest keeps them apart.
        return self._folder / hashlib.sha256(tenant.encode()).hexdigest()[:32] / f"{purpose}.key"


def _create(path: Path) -> None:
    """Make a whole key appear at once. Where two processes race, the first one's key stands."""
    draft = path.with_name(f".{token_hex(8)}.new")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> bytes:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        _refuse_if_open(path, os.fstat(file.fileno()), "600")
        key = file.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES:
        raise SecretsError(
            f"the secret {path} is damaged: expected {KEY_BYTES} bytes, found {len(key)}; restore it from a backup"
        )
    return key


def _refuse_if_open(path: Path, status: os.stat_result, mode: str) -> None:
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretsError(
            f"others may read the secrets in {path}: run chmod {mode} '{path}', and replace them if others may have"
        )
    if status.st_uid != os.geteuid() and os.geteuid() != 0:
        raise SecretsError(f"the secrets in {path} belong to another user: run as that user, or chown '{path}'")


@contextmanager
def _explaining(path: Path) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        raise SecretsError(
            f"the secret {path} cannot be used: {error.strerror}; check its folder or set SAKIMORI_HOME"
        ) from error
