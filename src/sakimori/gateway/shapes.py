"""Shapes: which fields a request may have, and what becomes of each on its way out.

A request is rebuilt from its shape: what no shape names is refused by its path, and every text that a shape lets
through goes through the boundary. Words of the protocol (``"role": "user"``) pass only where they are one of the words
listed for that place, so nothing can be carried past the boundary in them.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast

from sakimori.gateway.boundary import Passage
from sakimori.gateway.refusal import Refusal, refused_field

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What shapes need to rebuild one request."""

    passage: Passage
    models: frozenset[str]
    """What the institution's grants allow at this moment."""
    pseudonym: Callable[[str], str]
    """A keyed hash for identifiers that the provider only compares."""
    unseal: Callable[[str], str | None]
    """What the provider had encrypted, if we sealed it; None for anything else."""
    hosted_tools: frozenset[str] = frozenset()
    """Tools that run at the provider and that the grants allow, by their type."""
    media: frozenset[str] = frozenset()
    """What the grants let a request carry besides text."""
    used_media: set[str] = field(default_factory=set[str])
    """Those of ``media`` that the request carries, once it is rebuilt."""


class Shape(Protocol):
    def send(self, value: object, at: str, out: Outgoing) -> object:
        """The value as it may leave. ``at`` is its path, such as ``input[0].content``.

        Raises:
            Refusal: something is unknown, refused or of the wrong type.
            BoundaryError: a text cannot be made safe.
        """
        ...

    def schema(self) -> Schema:
        """JSON Schema (2020-12) of what ``send`` may take: whatever it does not describe is refused."""
        ...


def wrong(at: str, expected: str) -> Refusal:
    return Refusal(400, "invalid_type", f"Invalid type for '{at}': expected {expected}.", param=at)


@dataclass(frozen=True, slots=True)
class Model:
    """The model: its name passes only as it stands in a grant."""

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if not isinstance(value, str):
            raise wrong(at, "a string")
        if value not in out.models:
            message = "No grant of your institution allows this model at present; GET /v1/models lists those it allows."
            raise Refusal(403, "model_not_granted", message, param=at)
        return value

    def schema(self) -> Schema:
        return {"type": "string", "description": "As a grant names it (GET /v1/models)."}


@dataclass(frozen=True, slots=True)
class Text:
    """Any text: it goes through the boundary."""

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if not isinstance(value, str):
            raise wrong(at, "a string")
        return out.passage.send(value)

    def schema(self) -> Schema:
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """An identifier that the provider only compares with others: a keyed hash goes out."""

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if not isinstance(value, str):
            raise wrong(at, "a string")
        return out.pseudonym(value)

    def schema(self) -> Schema:
        return {"type": "string", "description": "A keyed hash of it leaves."}


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the provider encrypted for itself; it passes unread, so only what came through this gateway passes."""

    def send(self, value: object, at: str, out: Outgoing) -> object:
        opened = out.unseal(value) if isinstance(value, str) else None
        if opened is None:
            raise refused_field(at, "it did not come from an answer through this gateway to your institution")
        return opened

    def schema(self) -> Schema:
        return {"type": "string", "description": "As an answer through this gateway had it."}


@dataclass(frozen=True, slots=True)
class Encoded:
    """Media in base64. The boundary cannot read it: only where a grant says so (``Granted``)."""

    kinds: str
    """A pattern of the media types that may stand in a ``data:`` URL before it; empty: base64 alone."""

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if not isinstance(value, str) or not re.fullmatch(self._pattern, value):
            raise wrong(at, "base64 in a data: URL (a provider fetches nothing for you)" if self.kinds else "base64")
        return value

    def schema(self) -> Schema:
        return {"type": "string", "pattern": f"^{self._pattern}$"}

    @property
    def _pattern(self) -> str:
        return (f"data:(?:{self.kinds});base64," if self.kinds else "") + "[A-Za-z0-9+/]*={0,2}"


@dataclass(frozen=True, slots=True)
class Granted:
    """What passes only where the grants name it."""

    name: str
    shape: Shape
    reason: str
    """Why it does not pass elsewhere."""
    of: Literal["hosted_tools", "media"] = "hosted_tools"

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if self.name not in (out.hosted_tools if self.of == "hosted_tools" else out.media):
            listed = "hosted tools" if self.of == "hosted_tools" else "media"
            raise refused_field(at, f"{self.reason} (it passes where a grant names '{self.name}' among its {listed})")
        if self.of == "media":
            out.used_media.add(self.name)
        return self.shape.send(value, at, out)

    def schema(self) -> Schema:
        listed = "hosted tools" if self.of == "hosted_tools" else "media"
        return {**self.shape.schema(), "description": f"Only where a grant names '{self.name}' among its {listed}."}


class OneOf:
    """A word of the protocol, one of those listed."""

    def __init__(self, *words: str, refused: Mapping[str, str] | None = None) -> None:
        """``refused``: words that OpenAI knows, and why they do not pass."""
        self._words = words
        self._refused = refused or {}

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if isinstance(value, str):
            if value in self._words:
                return value
            if value in self._refused:
                raise refused_field(at, self._refused[value])
        raise Refusal(400, "invalid_value", f"Invalid value for '{at}': expected {_listed(self._words)}.", param=at)

    def schema(self) -> Schema:
        return {"enum": list(self._words)}


@dataclass(frozen=True, slots=True)
class Number:
    low: float
    high: float
    whole: bool = False

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if self.whole and isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON knows one kind of numbers
        fitting = int if self.whole else (int, float)
        if not isinstance(value, fitting) or isinstance(value, bool) or not self.low <= value <= self.high:
            kind = "an integer" if self.whole else "a number"
            raise wrong(at, f"{kind} between {self.low:g} and {self.high:g}")
        return value

    def schema(self) -> Schema:
        return {"type": "integer" if self.whole else "number", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Flag:
    refused: Mapping[bool, str] = field(default_factory=dict[bool, str])
    """The value that does not pass, and why."""

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if not isinstance(value, bool):
            raise wrong(at, "true or false")
        if value in self.refused:
            raise refused_field(at, self.refused[value])
        return value

    def schema(self) -> Schema:
        return (
            {"type": "boolean"}
            if not self.refused
            else {"enum": [value for value in (True, False) if value not in self.refused]}
        )


@dataclass(frozen=True, slots=True)
class Each:
    """A list of one shape."""

    shape: Shape
    most: int = 100_000

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if not isinstance(value, list):
            raise wrong(at, "an array")
        elements = cast("list[object]", value)
        if len(elements) > self.most:
            raise wrong(at, f"at most {self.most} elements")
        return [self.shape.send(element, f"{at}[{number}]", out) for number, element in enumerate(elements)]

    def schema(self) -> Schema:
        return {"type": "array", "items": self.shape.schema(), "maxItems": self.most}


@dataclass(frozen=True, slots=True)
class Either:
    """A text, or something else where the value is no string."""

    text: Shape
    other: Shape

    def send(self, value: object, at: str, out: Outgoing) -> object:
        return (self.text if isinstance(value, str) else self.other).send(value, at, out)

    def schema(self) -> Schema:
        return {"anyOf": [self.text.schema(), self.other.schema()]}


@dataclass(frozen=True, slots=True)
class Names:
    """An object whose members the client names: names and values go through the boundary."""

    most: int = 10_000

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if not isinstance(value, dict):
            raise wrong(at, "an object")
        members = cast("dict[str, object]", value)
        if len(members) > self.most:
            raise wrong(at, f"at most {self.most} members")
        return out.passage.send_value(members)

    def schema(self) -> Schema:
        return {"type": "object", "maxProperties": self.most}


@dataclass(frozen=True, slots=True)
class JsonValue:
    """Any JSON value: its texts go through the boundary."""

    def send(self, value: object, at: str, out: Outgoing) -> object:
        return out.passage.send_value(value)

    def schema(self) -> Schema:
        return {}


@dataclass(frozen=True, slots=True)
class Refused:
    """What never passes though OpenAI knows it, and which says something even where it is empty."""

    reason: str

    def send(self, value: object, at: str, out: Outgoing) -> object:
        raise refused_field(at, self.reason)

    def schema(self) -> Schema:
        return {"type": "null", "description": self.reason}


class Dropped:
    """What clients say about themselves: accepted, whatever it is, and never sent."""

    def send(self, value: object, at: str, out: Outgoing) -> object:
        return None

    def schema(self) -> Schema:
        return {"description": "Accepted, and never sent."}


@dataclass(frozen=True, slots=True)
class Fields:
    """An object with fields of their own shapes. ``null`` and empty lists say nothing: they may stand anywhere."""

    known: Mapping[str, Shape]
    required: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    """Fields that OpenAI knows, and why they do not pass."""

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if not isinstance(value, dict):
            raise wrong(at, "an object")
        sent: dict[str, object] = {}
        for name, member in cast("dict[str, object]", value).items():
            path = f"{at}.{name}" if at else name
            shape = self.known.get(name)
            if isinstance(shape, Dropped):
                continue
            if shape is not None:
                sent[name] = None if member is None else shape.send(member, path, out)
            elif name not in self.refused:
                raise unknown(at, name)
            elif member not in (None, [], {}):
                raise refused_field(path, self.refused[name])
        missing = min((name for name in self.required if sent.get(name) is None), default=None)
        if missing is not None:
            path = f"{at}.{missing}" if at else missing
            raise Refusal(400, "missing_required_parameter", f"Missing required parameter: '{path}'.", param=path)
        return sent

    def schema(self) -> Schema:
        properties: Schema = {name: {"enum": [None, [], {}], "description": why} for name, why in self.refused.items()}
        for name, shape in self.known.items():
            described = shape.schema()
            properties[name] = described if name in self.required else {"anyOf": [described, {"type": "null"}]}
        return {
            "type": "object",
            "properties": properties,
            "required": sorted(self.required),
            "additionalProperties": False,
        }


class ByType:
    """An object whose ``type`` (or other telling field) decides its shape."""

    def __init__(
        self,
        known: Mapping[str, Shape],
        *,
        refused: Mapping[str, str] | None = None,
        default: str | None = None,
        key: str = "type",
    ) -> None:
        """``default``: the type where the field is absent."""
        self._known = known
        self._refused = refused or {}
        self._default = default
        self._key = key

    def send(self, value: object, at: str, out: Outgoing) -> object:
        if not isinstance(value, dict):
            raise wrong(at, "an object")
        given = cast("dict[str, object]", value).get(self._key, self._default)
        path = f"{at}.{self._key}"
        if isinstance(given, str):
            if given in self._known:
                return self._known[given].send(cast("object", value), at, out)
            if given in self._refused:
                raise refused_field(at, self._refused[given])
        raise Refusal(400, "invalid_value", f"Invalid value for '{path}': expected {_listed(self._known)}.", param=path)

    def only(self, names: Collection[str], reason: str) -> "ByType":
        """One that takes these types alone. ``reason``: why the others do not pass there."""
        known = {name: shape for name, shape in self._known.items() if name in names}
        others = dict.fromkeys(self._known.keys() - known.keys(), reason)
        return ByType(known, refused={**self._refused, **others}, default=self._default, key=self._key)

    def schema(self) -> Schema:
        return {"anyOf": [self._of(name, shape) for name, shape in self._known.items()]}

    def _of(self, name: str, shape: Shape) -> Schema:
        told = [] if name == self._default else [self._key]
        telling = {"properties": {self._key: {"const": name}}, "required": told}
        return {"allOf": [shape.schema(), telling]}


def unknown(at: str, name: str) -> Refusal:
    shown = name if name.isprintable() and len(name) <= 100 else name[:100].encode("unicode_escape").decode()
    path = f"{at}.{shown}" if at else shown
    return Refusal(400, "unknown_parameter", f"Unknown parameter: '{path}'.", param=path)


def _listed(words: Mapping[str, Shape] | tuple[str, ...]) -> str:
    return " or ".join(f"'{word}'" for word in words)
