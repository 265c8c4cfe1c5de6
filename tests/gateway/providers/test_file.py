"""The providers file: what operators write, and every mistake with its place."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.core import InputError
from sakimori.gateway.providers.file import parse, read
from sakimori.gateway.providers.provider import Provider

EXAMPLE = Path(__file__).parents[3] / "docs" / "providers.example.yaml"
ONE = """\
providers:
  - name: tokyo
    kind: compatible
    base_url: https://models.bank.example/v1
    stored_in: [JP]
    processed_in: [JP]
    retention: none
"""


def parsed(text: str) -> tuple[Provider, ...]:
    return parse(text, where="p.yaml", folder=Path("/etc/sakimori"))


def mistake(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parsed(text)
    return str(caught.value)


def test_the_shipped_example_is_read() -> None:
    found = {provider.name: provider for provider in read(EXAMPLE)}
    assert {provider.kind for provider in found.values()} == {"openai", "azure", "compatible"}
    assert found["openai-jp"].stored_in == {"JP"}
    assert found["openai-jp"].processed_in != found["openai-jp"].stored_in
    assert str(found["openai-jp"].key) == "env:OPENAI_API_KEY"
    assert found["azure-japan-east"].own_name("gpt-5-mini") == "bank-gpt-5-mini"
    assert found["azure-japan-east"].own_name("gpt-4.1") is None


def test_what_is_left_out_has_safe_defaults() -> None:
    (tokyo,) = parsed(ONE)
    assert tokyo.key is None
    assert tokyo.endpoints == {"chat/completions", "embeddings"}
    assert tokyo.own_name("any-model") == "any-model"
    assert tokyo.retention_days == 0
    assert tokyo.prices.of("unlisted").output > 0


def test_prices_of_the_file_count_for_all_and_those_of_a_provider_for_it() -> None:
    prices = "{default: {input: 12.5, output: 50, max_output_tokens: 100}}"
    (tokyo,) = parsed(f"prices: {prices}\n" + ONE)
    assert tokyo.prices.of("x").input == Decimal("12.5")
    (tokyo,) = parsed(ONE + f"    prices: {prices}\n")
    assert tokyo.prices.of("x").yen(input=1_000_000, output=0) == Decimal("12.5")


@pytest.mark.parametrize(
    ("endpoint", "more", "url"),
    [
        ("chat/completions", "", "https://a.example/openai/v1/chat/completions"),
        (
            "chat/completions",
            "    api_version: 2024-10-21\n",
            "https://a.example/openai/deployments/d%20%2F1/chat/completions?api-version=2024-10-21",
        ),
    ],
)
def test_azure_is_addressed_by_endpoint_or_by_deployment(endpoint: str, more: str, url: str) -> None:
    text = ONE.replace("compatible", "azure").replace("https://models.bank.example/v1", "https://a.example/")
    (azure,) = parsed(text + "    models: {gpt: d /1}\n" + more)
    assert str(azure.url(endpoint, "gpt")) == url
    assert azure.authorization("secret") == {"api-key": "secret"}


def test_a_key_file_is_found_from_the_folder_of_the_providers_file() -> None:
    (tokyo,) = parsed(ONE + "    key: file:keys/tokyo\n")
    assert str(tokyo.key) == "file:/etc/sakimori/keys/tokyo"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "p.yaml:1:1: the file is empty"),
        ("providers: []", "p.yaml:1:12: 1 to 100 providers are needed"),
        ("[" * 100_000, "p.yaml:1:17: nested deeper than 16 levels"),
        ("a: &x [*x]\nproviders: *x", "p.yaml:1:8: anchors and aliases are not read"),
        ("providers: [&a {name: x}, *a]", "p.yaml:1:27: anchors and aliases are not read"),
        (ONE.replace("name: tokyo", "name: Tökyo"), "p.yaml:2:11: the name of a provider has"),
        (ONE.replace("name: tokyo", "name: ｔｏｋｙｏ"), "p.yaml:2:11: the name of a provider has"),
        (ONE.replace("compatible", "litellm"), "p.yaml:3:11: the kind of a provider must look like openai or azure"),
        (ONE.replace("compatible", "azure"), "p.yaml:2:5: an Azure provider needs models"),
        (ONE.replace("https://models", "https://u:p@models"), "p.yaml:4:15: base_url must be a URL"),
        (ONE.replace("https:", "http:"), "p.yaml:4:15: what is sent by http can be read on the way"),
        (ONE.replace("https:", "file:"), "p.yaml:4:15: base_url must be a URL"),
        (ONE.replace("stored_in: [JP]", "stored_in: [Japan]"), "p.yaml:5:17: stored_in must look like JP"),
        (ONE.replace("stored_in: [JP]", "stored_in: []"), "p.yaml:5:16: stored_in needs at least one country"),
        (ONE.replace("    stored_in: [JP]\n", ""), "p.yaml:2:5: a provider lacks stored_in"),
        (ONE.replace("retention: none", "retention: short"), "p.yaml:7:16: retention must be none, a number of days"),
        (ONE + "    region: JP\n", "p.yaml:8:5: a provider has no member 'region'"),
        (ONE + "    timeout: {}\n", "did you mean 'timeouts'?"),
        (ONE + "    timeouts: {idle: 0}\n", "p.yaml:8:22: idle must be more than 0 seconds"),
        (ONE + "    weight: ０\n", "p.yaml:8:13: weight must be a whole number from 1 to 1000"),
        (ONE + "    api_version: 2024-10-21\n", "p.yaml:8:18: api_version is for providers of kind azure"),
        (ONE + "    endpoints: [files]\n", "p.yaml:8:17: an endpoint must look like responses"),
        (ONE + ONE.partition("\n")[2], "p.yaml:8:5: there are two providers named 'tokyo'"),
        (ONE + "    prices: {default: {input: -1, output: 1, max_output_tokens: 1}}\n", "p.yaml:8:31: input must be"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(text: str, expected: str) -> None:
    found = mistake(text)
    assert expected in found
    assert "\n" not in found


def test_a_key_written_into_the_file_is_refused_and_not_repeated() -> None:
    found = mistake(ONE + "    key: sk-very-secret\n")
    assert found.startswith("p.yaml:8:10: key says where the key is kept")
    assert "very-secret" not in found


@pytest.mark.parametrize("content", [b"\xff\xfe", b"providers: " + b"x" * 2**21], ids=["binary", "huge"])
def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match="the providers file is"):
        read(path)


@given(st.text(max_size=60), st.integers(0, len(ONE)))
def test_whatever_is_put_into_the_file_it_is_read_or_refused(inserted: str, at: int) -> None:
    text = ONE[:at] + inserted + ONE[at:]
    try:
        found = parsed(text)
    except InputError:
        assert mistake(text).startswith("p.yaml:")
    else:
        assert found
