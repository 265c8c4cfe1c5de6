"""How entities are spelled, and which names stand for nobody (``ignore`` in ``content/mappings/entities.yaml``)."""

import fnmatch
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml

from sakimori.core import addresses_of
from sakimori.records.finding import Entity, EntityType


def entity_value(kind: EntityType, text: str) -> str:
    """How an entity is spelled, whoever it is: trimmed and in lower case.

    Users are without their domain (``BANK\\Sato`` and ``sato@bank.example`` are ``sato``), addresses are as they are
    usually written (IPv4 rather than IPv4-mapped IPv6); text that is no address is empty.
    """
    value = text.strip().lower()
    if kind is EntityType.USER:
        return value.rpartition("\\")[2].partition("@")[0]
    if kind is EntityType.IP:
        addresses = addresses_of(value)
        return str(addresses[-1]) if addresses else ""
    return value


def entity_named(kind: EntityType, text: str) -> Entity | None:
    """The entity that ``text`` names; None where it names nobody in particular."""
    value = entity_value(kind, text)
    ignored = _ignored().get(kind)
    return None if not value or (ignored and ignored.match(value)) else Entity(type=kind, value=value)


@cache
def _ignored() -> Mapping[EntityType, re.Pattern[str]]:
    text = files("sakimori.content").joinpath("mappings", "entities.yaml").read_text("utf-8")
    plain = cast("dict[str, Any]", yaml.safe_load(text))
    return {
        EntityType(kind): re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))
        for kind, patterns in plain["ignore"].items()
    }
