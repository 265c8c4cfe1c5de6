"""Clients that come from npm, unchanged: OpenAI's library for Node, and the Codex CLI at one task."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.conftest import Bank, scripted
from tests.gateway.test_clients import ENCRYPTED, SECRET_PARTS, investigate
from tests.scripted_provider import MODEL, Upstream, message, playing

from sakimori.gateway import Providers, running

CLIENTS = Path(__file__).parents[1] / "clients"

pytestmark = pytest.mark.services


@pytest.fixture
def environment(base_url: str, bank: Bank, tmp_path: Path) -> dict[str, str]:
    """All that such a client needs to know."""
    assert (CLIENTS / "node_modules").is_dir(), "tools/install-services installs these clients"
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "MODEL": MODEL,
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": bank.key,
        "CODEX_API_KEY": bank.key,
        "CODEX_HOME": str(tmp_path),
    }


@pytest.fixture
def silent(bank: Bank, upstream: Upstream) -> Iterator[Upstream]:
    """A provider that at the end has heard nothing of the bank's."""
    bank.inventory()
    yield upstream
    assert not [part for part in SECRET_PARTS if part in upstream.sent]


@pytest.mark.parametrize("endpoint", ["responses", "chat/completions"])
@pytest.mark.parametrize("manner", ["whole", "stream"])
def test_openai_for_node(bank: Bank, silent: Upstream, environment: dict[str, str], endpoint: str, manner: str) -> None:
    bank.grant()
    silent.script = playing(investigate)
    ran = subprocess.run(
        ["node", CLIENTS / "investigate.mjs", endpoint, manner],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {"host": "PC-0412", "malicious": True}
    assert len(silent.bodies) == 2
    if endpoint == "responses":
        (reasoning,) = [item for item in silent.bodies[1]["input"] if item.get("type") == "reasoning"]
        assert reasoning["encrypted_content"] == ENCRYPTED


CODE = """const read = await tools.exec_command({cmd: "cat note.txt"}); text(read.output.trim());"""


def code(body: dict[str, Any]) -> list[dict[str, Any]]:
    """A model that looks into the file it was told of, and says what it found there."""
    outputs = [item["output"] for item in body["input"] if item.get("type", "").endswith("_call_output")]
    if outputs:
        (output,) = outputs
        told = output if isinstance(output, str) else output[-1]["text"]
        return [message(f"It says: {told.strip().splitlines()[-1]}")]
    reasoning: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": ENCRYPTED}
    call: dict[str, Any] = {"id": "fc_1", "call_id": "call_1", "status": "completed"}
    if body["input"][0].get("type") == "additional_tools":
        named = {"type": "custom_tool_call", "name": "exec", "namespace": "functions"}
        return [reasoning, {**call, **named, "input": CODE}]
    named = {"type": "function_call", "name": "exec_command", "arguments": json.dumps({"cmd": "cat note.txt"})}
    return [reasoning, {**call, **named}]


def codex(environment: dict[str, str], base_url: str, tmp_path: Path, *options: str, model: str = MODEL) -> str:
    """What Codex says in the end about a note in its folder."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "note.txt").write_text("PC-0412 belongs to yamada.t at 10.20.4.12")
    ran = subprocess.run(
        [
            CLIENTS / "node_modules" / ".bin" / "codex",
            "exec",
            *("--skip-git-repo-check", "--sandbox", "danger-full-access", "--model", model),
            *("--config", f'openai_base_url="{base_url}"', *options),
            "What does note.txt say about PC-0412?",
        ],
        env=environment,
        cwd=work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.parametrize("model", [MODEL, "gpt-6.1-sol"])
def test_codex_at_one_task(
    bank: Bank, silent: Upstream, environment: dict[str, str], base_url: str, tmp_path: Path, model: str
) -> None:
    """Codex offers tools one way to models it has no word of, and another, in namespaces, to its own."""
    bank.grant(models=(model,), hosted_tools=("web_search",))  # which Codex offers of itself
    silent.script = playing(code)
    said = codex(environment, base_url, tmp_path, model=model)
    assert said == "It says: PC-0412 belongs to yamada.t at 10.20.4.12"
    first, second = silent.bodies
    assert first["stream"] is True
    assert first["store"] is False
    (reasoning,) = [item for item in second["input"] if item.get("type") == "reasoning"]
    assert reasoning["encrypted_content"] == ENCRYPTED


def code_in_chat(body: dict[str, Any]) -> list[dict[str, Any]]:
    """A model behind Chat Completions: it closes an agent that there is not, reads the note, and says what it found."""
    outputs = [message["content"] for message in body["messages"] if message["role"] == "tool"]
    if len(outputs) == 2:
        told = outputs[1] if isinstance(outputs[1], str) else outputs[1][-1]["text"]
        return [message(f"It says: {told.strip().splitlines()[-1]}")]
    if outputs:
        called = {"name": "exec_command", "arguments": json.dumps({"cmd": "cat note.txt"})}
    else:
        offered = {tool["function"]["name"] for tool in body["tools"]}
        assert {"exec_command", "multi_agent_v1__close_agent"} <= offered
        called = {"name": "multi_agent_v1__close_agent", "arguments": json.dumps({"target": "nobody"})}
    return [{"type": "function_call", "id": "fc", "call_id": f"call_{len(outputs)}", "status": "completed", **called}]


def test_codex_at_a_provider_that_only_speaks_chat_completions(
    bank: Bank, silent: Upstream, environment: dict[str, str], tmp_path: Path
) -> None:
    """Its tools in namespaces too; web search, which has no equal there, it must be told to leave out."""
    bank.grant()
    silent.script = playing(code_in_chat)
    speaks_chat = scripted(silent.url, key=None, endpoints=frozenset({"chat/completions"}))
    with running(bank.database, bank.secrets, bank.ledger, Providers((speaks_chat,))) as url:
        said = codex(environment, url, tmp_path, "--config", 'web_search="disabled"')
    assert said == "It says: PC-0412 belongs to yamada.t at 10.20.4.12"
    _, second, third = silent.bodies
    called = [message for message in third["messages"] if message.get("tool_calls")]
    assert [call["function"]["name"] for message in called for call in message["tool_calls"]] == [
        "multi_agent_v1__close_agent",
        "exec_command",
    ]
    (output,) = [message["content"] for message in second["messages"] if message["role"] == "tool"]
    assert "nobody" in json.dumps(output)  # Codex knew the tool, and found no such agent
