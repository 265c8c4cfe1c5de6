"""What a user may set from outside. Each setting exists because two users need different values."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOCAL_TENANT = "local"
"""The institution of an embedded install."""


@dataclass(frozen=True, slots=True)
class Settings:
    home: Path
    """``SAKIMORI_HOME``: database, evidence, secrets and caches of this install (default ``~/.sakimori``)."""
    tenant: str
    """``SAKIMORI_TENANT``: the institution that commands act for (default ``local``)."""
    language: str
    """``SAKIMORI_LANG``: ``ja`` or ``en`` for what people read (default: ``ja`` where ``LANG`` starts with ja)."""

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> "Settings":
        home = environment.get("SAKIMORI_HOME") or Path.home() / ".sakimori"
        language = environment.get("SAKIMORI_LANG") or environment.get("LANG", "")
        return Settings(
            home=Path(home).expanduser(),
            tenant=environment.get("SAKIMORI_TENANT") or LOCAL_TENANT,
            language="ja" if language.startswith("ja") else "en",
        )
