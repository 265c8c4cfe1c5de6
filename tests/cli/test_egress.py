"""``sakimori egress``: block lists and client configuration that the programs they are for can read."""

import json
import re
import tomllib

import pytest
from click.testing import CliRunner

from sakimori.cli.egress import egress
from sakimori.gateway.egress import CLIENTS

URL = "https://models.bank.example/v1"
DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(egress, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def domains() -> list[str]:
    plain = json.loads(run("blocklist", "--format", "json"))
    return [domain for vendor in plain["vendors"] for domain in vendor["domains"]]


def test_each_domain_is_one_stands_once_and_says_whose_it_is_and_why() -> None:
    plain = json.loads(run("blocklist", "--format", "json"))
    found = domains()
    assert {"api.openai.com", "chatgpt.com", "auth.openai.com", "api.anthropic.com"} <= set(found)
    assert all(DOMAIN.fullmatch(domain) for domain in found)
    assert len(set(found)) == len(found)
    for vendor in plain["vendors"]:
        assert vendor["name"]
        assert vendor["source"]
        assert set(vendor["domains"].values()) <= set(plain["why"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", plain["checked"])


@pytest.mark.parametrize(
    ("form", "line"),
    [("hosts", "0.0.0.0 {}"), ("squid", ".{}"), ("rpz", "{} CNAME ."), ("rpz", "*.{} CNAME .")],
)
def test_every_form_has_every_domain(form: str, line: str) -> None:
    lines = run("blocklist", "--format", form).splitlines()
    assert {line.format(domain) for domain in domains()} <= set(lines)


def test_clients_are_sent_to_the_gateway() -> None:
    codex = tomllib.loads(run("client", "codex-config.toml", "--base-url", URL))
    assert codex["model_providers"][codex["model_provider"]]["base_url"] == URL
    assert codex["model_providers"]["sakimori"]["wire_api"] == "responses"
    assert f'OPENAI_BASE_URL="{URL}"' in run("client", "environment.sh", "--base-url", URL)


def test_what_is_forbidden_is_said_in_the_clients_own_words() -> None:
    assert tomllib.loads(run("client", "codex-requirements.toml"))["allowed_login_methods"] == ["api"]
    policy = json.loads(run("client", "vscode-policy.json"))
    assert json.loads(policy["AllowedExtensions"])["github.copilot"] is False


@pytest.mark.parametrize("name", CLIENTS)
def test_no_configuration_carries_a_key_or_leaves_a_gap(name: str) -> None:
    text = run("client", name, "--base-url", URL)
    assert "{base_url}" not in text
    assert "sk-" not in text
