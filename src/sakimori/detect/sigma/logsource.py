"""Where the events of a Sigma log source are found: the mapping files of ``content/mappings/products``.

A log source that no file knows is matched by name: events whose product is the rule's (any product, where the rule
names none) and whose channel is the rule's service, else its category.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, cast

import yaml

from sakimori.records import EventKind

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""libyaml, where PyYAML was built with it, is ten times as fast."""


@dataclass(frozen=True, slots=True)
class LogSource:
    """A rule's ``logsource``."""

    product: str | None
    category: str | None
    service: str | None

    def __post_init__(self) -> None:
        """Raises TypeError where a part is neither: pySigma lets empty lists and mappings through."""
        if not {type(part) for part in (self.product, self.category, self.service)} <= {str, type(None)}:
            raise TypeError("each part of 'logsource' must be a text")

    def __str__(self) -> str:
        return "/".join(part or "*" for part in (self.product, self.category, self.service))


@dataclass(frozen=True, slots=True)
class Selector:
    """Which events a log source means. None: any."""

    product: str | None
    channel: str | None
    """Folded to lower case."""
    codes: frozenset[str] | None
    fields: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)
    """Sigma's field name → the name in these events, where they differ."""

    def admits(self, kind: EventKind) -> bool:
        return (
            self.product in (None, kind.product)
            and self.channel in (None, kind.channel.lower())
            and (self.codes is None or kind.code in self.codes)
        )


@dataclass(frozen=True, slots=True)
class Product:
    """One mapping file."""

    name: str
    code_field: str | None
    """The field that holds an event's code, so that a rule's question about it is answered once per kind."""
    services: Mapping[str, tuple[Selector, ...]]
    categories: Mapping[str, tuple[Selector, ...]]


class LogSources:
    """All mapping files."""

    def __init__(self, products: Iterable[Product]) -> None:
        self._products = {product.name: product for product in products}

    @staticmethod
    @cache
    def packaged() -> "LogSources":
        """What ships in ``content/mappings/products``."""
        return LogSources(
            _product(cast("dict[str, Any]", _LOADER(text).get_single_data())) for text in packaged_texts()
        )

    def code_field(self, product: str) -> str | None:
        known = self._products.get(product)
        return known.code_field if known else None

    @property
    def code_fields(self) -> frozenset[str]:
        return frozenset(product.code_field for product in self._products.values() if product.code_field is not None)

    def selectors(self, source: LogSource) -> tuple[Selector, ...]:
        """The events that a log source means; none where its service and category have no event in common."""
        products = [self._products[source.product]] if source.product in self._products else []
        if source.product is None:
            products = [p for p in self._products.values() if source.category in p.categories and not source.service]
            return (*(s for p in products for s in p.categories[source.category or ""]), *_by_name(source))
        if not products:
            return _by_name(source)
        product = products[0]
        anything = (Selector(product.name, None, None),)
        by_service = anything
        if source.service:
            by_service = product.services.get(source.service) or (Selector(product.name, source.service.lower(), None),)
        by_category = anything
        if source.category:
            by_category = product.categories.get(source.category) or (
                Selector(product.name, source.category.lower(), None),
            )
        both = (_intersection(a, b) for a in by_service for b in by_category)
        return tuple(selector for selector in both if selector is not None)


def packaged_texts() -> list[str]:
    """The mapping files as they stand, in order of their names."""
    folder: Traversable = files("sakimori.content").joinpath("mappings", "products")
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name)
    return [entry.read_text("utf-8") for entry in found]


def _by_name(source: LogSource) -> tuple[Selector, ...]:
    name = source.service or source.category
    return (Selector(source.product, name.lower() if name else None, None),)


def _intersection(a: Selector, b: Selector) -> Selector | None:
    if a.channel and b.channel and a.channel != b.channel:
        return None
    codes = b.codes if a.codes is None else a.codes if b.codes is None else a.codes & b.codes
    return Selector(a.product, a.channel or b.channel, codes, {**a.fields, **b.fields})


def _product(plain: dict[str, Any]) -> Product:
    name = str(plain["product"])

    def selector(entry: str | dict[str, Any]) -> Selector:
        if isinstance(entry, str):
            return Selector(name, entry.lower(), None)
        codes = frozenset(str(code) for code in entry["codes"]) if "codes" in entry else None
        return Selector(name, str(entry["channel"]).lower(), codes, dict(entry.get("fields", {})))

    def table(member: str) -> dict[str, tuple[Selector, ...]]:
        return {key: tuple(selector(entry) for entry in entries) for key, entries in plain[member].items()}

    return Product(name, plain.get("code_field"), table("services"), table("categories"))
