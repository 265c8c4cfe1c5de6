"""What a user may set from outside. Each setting exists because two users need different values."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sakimori.core.errors import InputError
from sakimori.core.text import composed, plain

LOCAL_TENANT = "local"
"""The institution of an embedded install."""
_LONGEST_TENANT = 128
"""Bytes in UTF-8: the name is part of file names, which have 255."""


@dataclass(frozen=True, slots=True)
class Settings:
    home: Path
    """``SAKIMORI_HOME``: database, evidence, secrets and caches of this install (default ``~/.sakimori``)."""
    tenant: str
    """``SAKIMORI_TENANT``: the institution that commands act for (default ``local``)."""
    language: str
    """``SAKIMORI_LANG``: ``ja`` or ``en`` for what people read (default: ``ja`` where ``LANG`` starts with ja)."""
    database: str | None = field(default=None, repr=False)
    """``SAKIMORI_DATABASE``: URL of the database (default: SQLite in the home). It may hold a password."""

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> "Settings":
        """Raises InputError where a setting cannot be used."""
        language = environment.get("SAKIMORI_LANG") or environment.get("LANG", "")
        return Settings(
            home=_home(environment.get("SAKIMORI_HOME") or "~/.sakimori"),
            tenant=_tenant(environment.get("SAKIMORI_TENANT") or LOCAL_TENANT),
            language="ja" if language.startswith("ja") else "en",
            database=environment.get("SAKIMORI_DATABASE") or None,
        )


def _home(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InputError(f"SAKIMORI_HOME: there is no home folder for '{plain(text)}': give a whole path") from error


def _tenant(name: str) -> str:
    name = composed(name)
    if reason := unfit_tenant(name):
        raise InputError(f"SAKIMORI_TENANT: {reason}")
    return name


def unfit_tenant(name: str) -> str | None:
    """Why this cannot name an institution; None: it can. Any script, but it is shown on one line and names files."""
    if not name or plain(name) != name or name != name.strip() or name.startswith(".") or set(name) & {"/", "\\"}:
        return (
            f"'{plain(name)}' cannot name an institution: use letters of any script, digits and "
            "inner spaces, without slashes, control characters or a leading dot"
        )
    if len(name.encode()) > _LONGEST_TENANT:
        return f"the name is longer than {_LONGEST_TENANT} bytes in UTF-8: use a shorter one"
    return None
