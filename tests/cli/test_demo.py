"""``sakimori demo``: the whole loop on a small bank, without a model and with one (a scripted one: it is no model)."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner
from tests.scripted_provider import MODEL, message, response_object, serving

from sakimori.cli import cli
from sakimori.core import ExitCode

_DOMAIN = "kazemachi"


def _demo(folder: Path, *arguments: str) -> tuple[str, str]:
    """The terminal's text and the report."""
    out = folder / "demo.html"
    result = CliRunner().invoke(cli, ["demo", "--hosts", "20", "--seed", "3", "--out", str(out), *arguments])
    assert result.exit_code == ExitCode.OK, result.output
    return result.stdout, out.read_text()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.mark.usefixtures("home", "offline")
def test_without_a_model_the_whole_loop_runs_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAKIMORI_LANG", "ja")
    terminal, page = _demo(tmp_path)
    assert "モデルは使用していない" in terminal
    assert "送信はしていない" in terminal
    assert "台帳検証済み" in terminal
    assert "到達可、隔離中 遮断、取消後 到達可" in terminal
    assert "no model was used" in page
    assert "取消済み" in page


async def _investigate(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Cites what it was shown, makes one thing up, and wishes for more than was proved."""
    shown = json.loads(body["input"][0]["content"])
    event = next(event for finding in shown["findings"] for event in finding["events"] if "Computer" in event["fields"])
    computer = {"event_id": event["event_id"], "field": "Computer", "value": event["fields"]["Computer"]}
    made_up = {**computer, "value": "no-such-host"}
    answer = {
        "disposition": "benign",
        "severity": "informational",
        "claims": [
            {"statement": f"Seen on {computer['value']}.", "statement_ja": "見えた。", "citations": [computer]},
            {"statement": "The domain controller is lost.", "statement_ja": "DC は失われた。", "citations": [made_up]},
        ],
        "proposals": [
            {
                "command": "isolate_host",
                "target": "dc01.example",
                "reason": "x",
                "reason_ja": "x",
                "citations": [made_up],
            }
        ],
    }
    return web.json_response(response_object([message(json.dumps(answer))]))


@pytest.mark.usefixtures("home", "offline")
def test_a_model_answers_through_the_gateway_and_sees_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as upstream:
        upstream.script = _investigate
        monkeypatch.setenv("OPENAI_BASE_URL", upstream.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-provider-secret")
        terminal, page = _demo(tmp_path, "--model", MODEL)
    assert upstream.bodies
    sent = json.dumps(upstream.bodies, ensure_ascii=False)
    assert _DOMAIN not in sent.lower()
    assert "HOST_" in sent
    assert all(body["store"] is False for body in upstream.bodies)
    assert f"{MODEL}-2026" in terminal
    # What the model stated and could cite stands, restored; what it made up is shown as dropped; benign it is not.
    assert f".{_DOMAIN}.example" in terminal
    assert "✔ (M) Seen on " in terminal
    assert "dropped: The domain controller is lost." in terminal
    assert f"What left the bank: {len(upstream.bodies)} calls" in terminal
    assert f"{len(upstream.bodies)} calls left for {MODEL}-2026" in page
    assert "malicious → respond" in terminal
    assert "sk-provider-secret" not in terminal + page


@pytest.mark.usefixtures("home", "offline")
def test_a_provider_that_fails_leaves_the_defence_standing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(text="<html>garbage", status=200)

    with serving() as upstream:
        upstream.script = broken
        monkeypatch.setenv("OPENAI_BASE_URL", upstream.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-provider-secret")
        terminal, page = _demo(tmp_path, "--model", MODEL)
    assert "the offline investigator goes on" in terminal
    assert f"What left the bank: {len(upstream.bodies)} calls, to which no usable answer came back" in terminal
    assert "nothing was sent" not in terminal + page
    assert "no usable answer came back" in page
    assert "Hosts lost: 20 of 20 without the defence, 0 with it" in terminal


@pytest.mark.usefixtures("home", "offline")
def test_ctrl_c_ends_it_soon_and_leaves_no_range_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sakimori.cli", "demo", "--hosts", "20", "--out", str(tmp_path / "demo.html")]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as demo:
        assert demo.stdout
        next(line for line in demo.stdout if "▶" in line)  # a response was just carried out
        demo.send_signal(signal.SIGINT)
        _, complaint = demo.communicate(timeout=60)
    assert demo.returncode == ExitCode.INTERRUPTED
    assert complaint.strip().splitlines() == ["sakimori: interrupted"]
    assert not (tmp_path / "demo.html").exists()
    assert _processes_naming(str(tmp_path)) == []


def _processes_naming(text: str) -> list[str]:
    """Command lines that mention ``text`` (where the system shows them: Linux)."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            found.append(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [command for command in found if text in command]
