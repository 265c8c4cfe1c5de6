"""Price lists: what operators write, and what a call costs by them."""

from decimal import Decimal
from pathlib import Path

import pytest

from sakimori.core import InputError
from sakimori.gateway import PriceList

ONE = "{input: 12.5, output: 50, max_output_tokens: 100}"


def test_what_is_not_listed_costs_the_default(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(f"default: {ONE}\nmodels:\n  m: {{input: 1, output: 2, max_output_tokens: 3}}\n")
    prices = PriceList.load(path)
    assert prices.of("m").yen(input=1_000_000, output=500_000) == 2
    assert prices.of("x").yen(input=1, output=0) == Decimal("0.0000125")


def test_the_shipped_list_is_dearest_where_it_knows_nothing() -> None:
    prices = PriceList.shipped()
    assert all(price.input <= prices.default.input for price in prices.models.values())
    assert all(price.output <= prices.default.output for price in prices.models.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("models: {}", "p.yaml:1:1: a price list lacks default"),
        ("default: {input: 1}", "p.yaml:1:10: the default price lacks output, max_output_tokens"),
        (f"default: {ONE.replace('12.5', '-1')}", "p.yaml:1:18: input must be a number from 0"),
        (f"default: {ONE}\nmodel: {{}}", "did you mean 'models'?"),
        (f"default: &a {ONE}\nmodels: {{m: *a}}", "anchors and aliases are not read"),
        ("default: [", "p.yaml:2:1: this is no YAML"),
        ("", "p.yaml:1:1: the file is empty"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(text: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        PriceList.parse(text, where="p.yaml")
    assert expected in str(caught.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the price list cannot be read"):
        PriceList.load(tmp_path / "absent.yaml")
