"""Clients that come from npm, unchanged: OpenAI's library for Node, and the Codex CLI at one task."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.conftest import Bank
from tests.gateway.test_clients import ENCRYPTED, SECRET_PARTS, investigate
from tests.scripted_provider import MODEL, Upstream, message, playing

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


@pytest.mark.parametrize("model", [MODEL, "gpt-6.1-sol"])
def test_codex_at_one_task(
    bank: Bank, silent: Upstream, environment: dict[str, str], base_url: str, tmp_path: Path, model: str
) -> None:
    """Codex offers tools one way to models it has no word of, and another, in namespaces, to its own."""
    bank.grant(models=(model,), hosted_tools=("web_search",))  # which Codex offers of itself
    silent.script = playing(code)
    work = tmp_path / "work"
    work.mkdir()
    (work / "note.txt").write_text("PC-0412 belongs to yamada.t at 10.20.4.12")
    ran = subprocess.run(
        [
            CLIENTS / "node_modules" / ".bin" / "codex",
            "exec",
            *("--skip-git-repo-check", "--sandbox", "danger-full-access", "--model", model),
            *("--config", f'openai_base_url="{base_url}"'),
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
    assert ran.stdout.strip() == "It says: PC-0412 belongs to yamada.t at 10.20.4.12"
    first, second = silent.bodies
    assert first["stream"] is True
    assert first["store"] is False
    (reasoning,) = [item for item in second["input"] if item.get("type") == "reasoning"]
    assert reasoning["encrypted_content"] == ENCRYPTED
