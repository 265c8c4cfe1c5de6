"""Price lists: what tokens cost, as data that an institution replaces with its contract's."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import yaml

from sakimori.core import InputError
from sakimori.core.nodes import Reader

_MILLION = 1_000_000
_MOST_YEN = 10**9
_MOST_TOKENS = 10**9
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Price:
    input: Decimal
    """Yen per million input tokens."""
    output: Decimal
    """Yen per million output tokens, reasoning included."""
    max_output_tokens: int
    """The most that one answer can have: the upper bound where a call sets none."""

    def yen(self, *, input: int, output: int) -> Decimal:
        return (self.input * input + self.output * output) / _MILLION


@dataclass(frozen=True, slots=True)
class PriceList:
    default: Price
    """For models that are not listed."""
    models: Mapping[str, Price]

    def of(self, model: str) -> Price:
        return self.models.get(model, self.default)

    @staticmethod
    def shipped() -> "PriceList":
        shipped = files("sakimori").joinpath("content/policies/gateway-prices.yaml")
        return PriceList.parse(shipped.read_text("utf-8"), where="the shipped price list")

    @staticmethod
    def load(path: Path) -> "PriceList":
        """Raises InputError where the file is no price list."""
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST + 1)
            text = data.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: the price list cannot be read: {error}") from error
        if len(data) > _LARGEST:
            raise InputError(f"{path}: the price list is larger than {_LARGEST >> 20} MiB")
        return PriceList.parse(text, where=str(path))

    @staticmethod
    def parse(text: str, *, where: str) -> "PriceList":
        """Raises InputError with the first mistake, its line and column."""
        reader = Reader(where)
        found = None
        if (node := reader.top(text)) is not None:
            found = read(reader, node)
        if found is None or reader.mistakes:
            raise InputError(reader.mistakes[0])
        return found


def read(reader: Reader, node: yaml.Node) -> PriceList | None:
    """A price list within a file; None where it has mistakes, which are noted."""
    members = reader.members(node, "a price list", ("default",), ("models",))
    if members is None:
        return None
    default = _price(reader, members["default"], "the default price")
    models = reader.pairs(members.get("models"), "models", lambda item, _: _price(reader, item, "a price"))
    return None if default is None else PriceList(default, models)


def _price(reader: Reader, node: yaml.Node, what: str) -> Price | None:
    members = reader.members(node, what, ("input", "output", "max_output_tokens"))
    if members is None:
        return None
    input = reader.decimal(members["input"], "input", _MOST_YEN)
    output = reader.decimal(members["output"], "output", _MOST_YEN)
    tokens = reader.number(members["max_output_tokens"], "max_output_tokens", 1, _MOST_TOKENS)
    return None if input is None or output is None or tokens is None else Price(input, output, tokens)
