"""Price lists: what tokens cost, as data that an institution replaces with its contract's."""

from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from sakimori.core import InputError

_MILLION = 1_000_000
_STRICT = ConfigDict(extra="forbid", frozen=True)


@dataclass(config=_STRICT)
class Price:
    input: Decimal
    """Yen per million input tokens."""
    output: Decimal
    """Yen per million output tokens, reasoning included."""
    max_output_tokens: int
    """The most that one answer can have: the upper bound where a call sets none."""

    def yen(self, *, input: int, output: int) -> Decimal:
        return (self.input * input + self.output * output) / _MILLION


@dataclass(config=_STRICT)
class PriceList:
    default: Price
    """For models that are not listed."""
    models: dict[str, Price]

    def of(self, model: str) -> Price:
        return self.models.get(model, self.default)

    @staticmethod
    def shipped() -> "PriceList":
        shipped = files("sakimori").joinpath("content/policies/gateway-prices.yaml")
        return _parse(shipped.read_text("utf-8"), "the shipped price list")

    @staticmethod
    def load(path: Path) -> "PriceList":
        """Raises InputError where the file is no price list."""
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: the price list cannot be read: {error}") from error
        return _parse(text, str(path))


def _parse(text: str, where: str) -> PriceList:
    try:
        return TypeAdapter(PriceList).validate_python(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise InputError(f"{where}: not valid YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(f"{where}: {at}: {first['msg']}") from error
