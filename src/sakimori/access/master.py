"""Master keys: what wraps the data keys of institutions, and where each is kept.

A source is written ``file:PATH`` (relative to the secrets folder), ``env:NAME`` or ``keyring:NAME`` (the keyring of the
operating system, with the extra ``sakimori[keyring]``). Key services reached by URL would be further sources.
"""

import base64
import binascii
import hmac
import importlib
import os
import re
from pathlib import Path
from secrets import token_bytes
from typing import Protocol, cast

from sakimori.access.files import create, read_closed, refuse_if_open
from sakimori.core import ExitCode, SakimoriError

KEY_BYTES = 32
_SERVICE = "sakimori"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


class SecretsError(SakimoriError):
    """A secret is missing, or cannot be kept or read safely."""


class SourceError(SecretsError):
    """What was given names no place for a master key."""

    exit_code = ExitCode.INPUT


class _Keyring(Protocol):
    def get_password(self, service_name: str, username: str) -> str | None: ...
    def set_password(self, service_name: str, username: str, password: str) -> None: ...


def key_id(key: bytes) -> str:
    """A name for a master key that says nothing about it."""
    return hmac.digest(key, b"sakimori.master-key-id/1", "sha256").hex()[:16]


def read(source: str, folder: Path) -> bytes:
    """The master key that is kept there.

    Raises:
        SecretsError: it is missing, damaged, or others may read it.
    """
    kind, name = _parsed(source)
    if kind == "file":
        path = folder / name
        try:
            return _checked(read_closed(path, KEY_BYTES), source)
        except FileNotFoundError as error:
            raise SecretsError(f"the master key {path} is missing: restore it from a backup") from error
    text = os.environ.get(name) if kind == "env" else _keyring().get_password(_SERVICE, name)
    if not text:
        place = f"the environment variable {name} is not set" if kind == "env" else f"the keyring has no '{name}'"
        raise SecretsError(f"the master key is missing: {place}")
    return _decoded(text, source)


def make(source: str, folder: Path) -> bytes:
    """The master key that is kept there, or a new one where there is none and one can be kept.

    Raises:
        SecretsError: it cannot be made there (an environment variable is set from outside), or read.
    """
    kind, name = _parsed(source)
    if kind == "file":
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse_if_open(path.parent, path.parent.stat(), "700")
        if not path.exists():
            create({path: token_bytes(KEY_BYTES)})
    elif kind == "keyring" and not _keyring().get_password(_SERVICE, name):
        _keyring().set_password(_SERVICE, name, base64.b64encode(token_bytes(KEY_BYTES)).decode())
    return read(source, folder)


def _parsed(source: str) -> tuple[str, str]:
    kind, _, name = source.partition(":")
    if kind == "file" and name and "\0" not in name:
        return kind, name
    if kind in ("env", "keyring") and _NAME.fullmatch(name):
        return kind, name
    raise SourceError("a master key is kept at file:PATH, env:NAME or keyring:NAME")


def _decoded(text: str, source: str) -> bytes:
    try:
        return _checked(base64.b64decode(text.strip(), validate=True), source)
    except (binascii.Error, ValueError) as error:
        raise _damaged(source) from error


def _checked(key: bytes, source: str) -> bytes:
    if len(key) != KEY_BYTES:
        raise _damaged(source)
    return key


def _damaged(source: str) -> SecretsError:
    return SecretsError(f"the master key at {source} is damaged: expected {KEY_BYTES} bytes (in base64, but in a file)")


def _keyring() -> _Keyring:
    try:
        return cast("_Keyring", importlib.import_module("keyring"))
    except ImportError as error:
        raise SourceError("the keyring of the operating system needs: pip install 'sakimori[keyring]'") from error
