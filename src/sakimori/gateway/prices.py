"""Price lists: what tokens cost, as data that an institution replaces with its contract's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
HOSTED_TOOLS = (
    "web_search",
    "web_search_preview",
    *(f"code_interpreter_{memory}" for memory in ("1g", "4g", "16g", "64g")),
    "mcp",
)
"""What tools at a provider are billed as: searches, containers by their memory, calls of MCP servers."""


@dataclass(frozen=True, slots=True)
class Price:
    input: Decimal
    """Yen per million input tokens."""
    output: Decimal
    """Yen per million output tokens, reasoning included."""
    max_output_tokens: int
    """The most that one answer can have: the upper bound where a call sets none."""
    max_input_tokens: int | None = None
    """The most that the model reads at once. None: nobody said, and what the bytes of a request do not bound (tools at
    the provider, media) is not let through."""

    def yen(self, *, input: int, output: int) -> Decimal:
        return (self.input * input + self.output * output) / _MILLION


@dataclass(frozen=True, slots=True)
class PriceList:
    default: Price
    """For models that are not listed."""
    models: Mapping[str, Price]
    hosted_tools: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """Yen per call, by ``HOSTED_TOOLS``; what is not there is not let through."""

    def of(self, model: str) -> Price:
        return self.models.get(model, self.default)

    def per_call(self, names: Iterable[str]) -> Decimal:
        """Yen for a call of a tool that may be billed as any of these: the dearest. What has no price costs nothing."""
        return max((self.hosted_tools.get(name, Decimal(0)) for name in names), default=Decimal(0))

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
    members = reader.members(node, "a price list", ("default",), ("models", "hosted_tools"))
    if members is None:
        return None
    default = _price(reader, members["default"], "the default price")
    models = reader.pairs(members.get("models"), "models", lambda item, _: _price(reader, item, "a price"))
    tools = _hosted_tools(reader, members["hosted_tools"]) if "hosted_tools" in members else {}
    return None if default is None else PriceList(default, models, tools)


def _hosted_tools(reader: Reader, node: yaml.Node) -> dict[str, Decimal]:
    members = reader.members(node, "hosted_tools", (), HOSTED_TOOLS) or {}
    found = {name: reader.decimal(item, f"the price of {name}", _MOST_YEN) for name, item in members.items()}
    return {name: yen for name, yen in found.items() if yen is not None}


def _price(reader: Reader, node: yaml.Node, what: str) -> Price | None:
    members = reader.members(node, what, ("input", "output", "max_output_tokens"), ("max_input_tokens",))
    if members is None:
        return None
    input = reader.decimal(members["input"], "input", _MOST_YEN)
    output = reader.decimal(members["output"], "output", _MOST_YEN)
    tokens = reader.number(members["max_output_tokens"], "max_output_tokens", 1, _MOST_TOKENS)
    longest = None
    if "max_input_tokens" in members:
        longest = reader.number(members["max_input_tokens"], "max_input_tokens", 1, _MOST_TOKENS)
    return None if input is None or output is None or tokens is None else Price(input, output, tokens, longest)
