"""A real model, small as it is, answers as a provider. That proves plumbing, never accuracy."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import requests
from openai import OpenAI
from tests.gateway.conftest import Bank
from tests.gateway.providers.test_upstream import provider

from sakimori.gateway import running
from sakimori.gateway.providers.config import Providers
from sakimori.gateway.providers.provider import Timeouts

pytestmark = pytest.mark.services
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"private": {"type": "boolean"}, "reason": {"type": "string", "maxLength": 20}},
    "required": ["private", "reason"],
    "additionalProperties": False,
}
# Tokens: room for the longest text of this schema, white space included, whatever the model says.
ROOM = 512


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of `sakimori providers serve-local`, in a process of its own."""
    pytest.importorskip("xllamacpp", reason="the local model needs: pip install 'sakimori[local]'")
    home = tmp_path_factory.mktemp("local")
    command = [sys.executable, "-m", "sakimori.cli", "providers", "serve-local", "--port", "0"]
    environment = {**os.environ, "SAKIMORI_HOME": str(home)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as served:
        assert served.stdout
        assert "nothing about accuracy" in served.stdout.readline()
        line = served.stdout.readline()
        yield line.partition(" at ")[2].partition(". Stop")[0]
        served.send_signal(signal.SIGTERM)
        assert served.wait(30) == 0


def test_a_real_model_answers_in_the_form_that_a_schema_demands(local: str) -> None:
    with OpenAI(base_url=local, api_key="none", max_retries=0, timeout=120) as client:
        answer = client.chat.completions.create(
            model="gemma3-270m",
            messages=[{"role": "user", "content": "Is 10.0.0.1 a private address? Answer in JSON."}],
            max_tokens=ROOM,
            temperature=0,
            response_format={"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}},
        )
    assert answer.model == "gemma3-270m"
    assert answer.usage
    assert answer.usage.completion_tokens > 0
    said = orjson.loads(answer.choices[0].message.content or "")
    assert said.keys() == {"private", "reason"}
    assert isinstance(said["private"], bool)


def test_a_real_model_answers_through_the_gateway_and_every_token_is_booked(local: str, bank: Bank) -> None:
    bank.grant(models=("gemma3-270m",))
    bank.inventory()
    found = Providers((provider("local", local, key=None, timeouts=Timeouts()),))
    with (
        running(bank.database, bank.secrets, bank.ledger, found) as base_url,
        OpenAI(base_url=base_url, api_key=bank.key, max_retries=0, timeout=120) as client,
    ):
        answer = client.chat.completions.create(
            model="gemma3-270m",
            messages=[{"role": "user", "content": "Is pc-0412.aozora.example a laptop? Answer in JSON."}],
            max_tokens=ROOM,
            response_format={"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}},
        )
    assert orjson.loads(answer.choices[0].message.content or "").keys() == {"private", "reason"}
    assert answer.usage
    (entry,) = (entry for entry in bank.entries() if entry.action == "gateway.call")
    assert (entry.detail["provider"], entry.detail["outcome"]) == ("local", "answered")
    assert entry.detail["output_tokens"] == answer.usage.completion_tokens
    assert sum(entry.detail["replaced"].values()) == 1


def test_it_is_served_to_this_machine_only_and_shows_no_prompts(local: str) -> None:
    assert local.startswith("http://127.0.0.1:")
    assert requests.get(f"{local.removesuffix('/v1')}/slots", timeout=10).status_code != 200


def test_a_model_file_that_was_damaged_is_not_served(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the local model needs: pip install 'sakimori[local]'")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "gemma-3-270m-q4_k_m.gguf").write_bytes(b"GGUF")
    command = [sys.executable, "-m", "sakimori.cli", "providers", "serve-local", "--port", "0"]
    environment = {**os.environ, "SAKIMORI_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3
    assert "is not the model that it should be: delete it and try again" in done.stderr
