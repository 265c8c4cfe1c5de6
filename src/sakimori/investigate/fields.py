"""The fields of events that may leave in our own prompts, by type (content/prompts/fields.yaml)."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from sakimori.records import Entity, EntityType, cell_texts, entity_value

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class FieldType:
    name: str
    pattern: re.Pattern[str] | None
    """What a whole value must look like; None: any text."""
    longest: int
    """Characters that are shown of a value."""

    def show(self, text: str) -> str:
        """``text`` as a prompt may carry it: of its type, without control characters, cut with a mark."""
        if self.pattern and not self.pattern.fullmatch(text):
            return f"[not shown: no {self.name}]"
        text = _CONTROL.sub(" ", text)
        left = len(text) - self.longest
        return text if left <= 0 else f"{text[: self.longest]}[cut: {left} more characters]"


@dataclass(frozen=True, slots=True)
class FieldList:
    types: dict[str, FieldType]
    """Allow-listed field name -> its type."""
    targets: dict[EntityType, frozenset[str]]
    """Fields that name an entity which containment may be aimed at."""


@cache
def _types() -> dict[str, FieldType]:
    return {
        name: FieldType(
            name=name,
            pattern=re.compile(spec["pattern"]) if "pattern" in spec else None,
            longest=spec["longest"],
        )
        for name, spec in prompt_file("fields.yaml")["types"].items()
    }


@cache
def allowed() -> FieldList:
    plain = prompt_file("fields.yaml")
    return FieldList(
        types={field: _types()[name] for name, fields in plain["fields"].items() for field in fields},
        targets={EntityType(name): frozenset(fields) for name, fields in plain["targets"].items()},
    )


def prompt_text(name: str) -> str:
    return (files("sakimori.content") / "prompts" / name).read_text(encoding="utf-8")


def prompt_file(name: str) -> Any:
    """A YAML file of content/prompts."""
    return yaml.safe_load(prompt_text(name))


def shown(fields: dict[str, str]) -> dict[str, str | list[str]]:
    """The allow-listed fields of an event as a prompt may carry them, in order of name; empty ones are left out."""
    visible: dict[str, str | list[str]] = {}
    for name in sorted(fields.keys() & allowed().types.keys()):
        texts = [allowed().types[name].show(text) for text in cell_texts(fields[name])[:8] if text not in ("", "-")]
        if texts:
            visible[name] = texts[0] if len(texts) == 1 else texts
    return visible


def shown_text(type: str, text: str) -> str:
    """``text`` as a prompt may carry a value of the type ``type`` of fields.yaml."""
    return _types()[type].show(text)


def entity_text(entity: Entity) -> str:
    """``host:ws-01``: an entity as a prompt may carry it."""
    type = {EntityType.HOST: "host", EntityType.USER: "account", EntityType.IP: "address", EntityType.HASH: "hash"}
    return f"{entity.type}:{shown_text(type.get(entity.type, 'path'), entity.value)}"


def names_target(field: str, value: str, target: Entity) -> bool:
    """Whether a field with this value names ``target``, spelled as findings spell entities."""
    if field not in allowed().targets.get(target.type, frozenset()):
        return False
    return entity_value(target.type, value) == target.value


def one_line(text: str, *, longest: int = 600) -> str:
    """``text`` without control and direction characters, at most ``longest`` characters."""
    return _CONTROL.sub(" ", text)[:longest]
