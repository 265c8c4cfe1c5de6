"""LiteLLM's proxy, to compare with: in an environment of its own that exists only while the benchmark runs.

As it is, it checks one master key and passes calls on. ``GUARDED`` says what more it can be configured to do without a
database of its own: it is still less than the gateway does, since its budget is in memory, its log is no ledger and is
not flushed, and what its filter replaces is not restored in answers.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VERSION = "1.106.0"
"""Not 1.82.7 or 1.82.8, which carried a stealer of credentials. Later ones asked for releases of other packages that
could not be had when this was measured (1.109.1: certifi 2026.10.19, litellm-proxy-extras 0.4.113)."""
GUARDED = "its content filter (patterns for PII, cards, keys, networks; hosts and accounts as words), a budget, a log"
_CATEGORIES = ("PII Patterns", "Payment Card Patterns", "Credential Patterns", "Network Patterns")
_FILTER = "import litellm.proxy.guardrails.guardrail_hooks.litellm_content_filter.patterns as p; print(p.__file__)"
_LOG = """
import json
from litellm.integrations.custom_logger import CustomLogger

class Entries(CustomLogger):
    def __init__(self):
        super().__init__()
        self._file = open("entries.jsonl", "a", buffering=1)

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        told = kwargs["standard_logging_object"]
        names = ("id", "model", "startTime", "endTime", "prompt_tokens", "completion_tokens", "response_cost", "status")
        self._file.write(json.dumps({name: told.get(name) for name in names}) + "\\n")

file = Entries()
"""
_START_SECONDS = 120.0


class NotInstalled(Exception):
    """It cannot be had here; says why."""


def install(folder: Path) -> Path:
    """Its Python, in a new environment in the folder.

    Raises:
        NotInstalled: it could not be installed.
    """
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    installing = [python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", f"litellm[proxy]=={VERSION}"]
    installed = subprocess.run(installing, capture_output=True, text=True, check=False)
    if installed.returncode:
        raise NotInstalled(f"pip could not install litellm {VERSION}: {installed.stderr.strip().splitlines()[-1]}")
    return python


@contextmanager
def serving(
    python: Path, folder: Path, upstream: str, names: Sequence[str] | None
) -> Generator[tuple["subprocess.Popen[bytes]", str]]:
    """Its process and base URL; the key is ``sk-bench``. With ``names`` to mask, ``GUARDED``.

    Raises:
        NotInstalled: it could not be started.
    """
    config: dict[str, Any] = {
        "model_list": [
            {
                "model_name": "gpt-5-mini",
                "litellm_params": {"model": "openai/gpt-5-mini", "api_base": upstream, "api_key": "k"},
            }
        ],
        "general_settings": {"master_key": "sk-bench"},
    }
    if names is not None:
        config |= _guarded(python, names)
    (folder / "entries.py").write_text(_LOG)
    (folder / "config.yaml").write_text(json.dumps(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python.with_name("litellm"), "--config", folder / "config.yaml", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--telemetry", "False"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        cwd=folder,
    )
    try:
        _wait_for(process, f"http://127.0.0.1:{port}/health/liveliness")
        yield process, f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def _guarded(python: Path, names: Sequence[str]) -> dict[str, Any]:
    where = subprocess.run([python, "-c", _FILTER], capture_output=True, text=True, check=True).stdout.strip()
    known = json.loads(Path(where).with_suffix(".json").read_text())["patterns"]
    patterns = [pattern["name"] for pattern in known if pattern.get("category") in _CATEGORIES]
    content_filter = {
        "guardrail": "litellm_content_filter",
        "mode": "pre_call",
        "default_on": True,
        "patterns": [{"pattern_type": "prebuilt", "pattern_name": name, "action": "MASK"} for name in patterns],
        "blocked_words": [{"keyword": name, "action": "MASK"} for name in names],
    }
    return {
        "guardrails": [{"guardrail_name": "identifiers", "litellm_params": content_filter}],
        "router_settings": {"provider_budget_config": {"openai": {"budget_limit": 100_000, "time_period": "1d"}}},
        "litellm_settings": {"callbacks": ["entries.file"]},
    }


def _wait_for(process: "subprocess.Popen[bytes]", url: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise NotInstalled(f"litellm {VERSION} did not start")
