"""LiteLLM's proxy, to compare with: in an environment of its own that exists only while the benchmark runs."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

VERSION = "1.106.0"
"""Not 1.82.7 or 1.82.8, which carried a stealer of credentials. Later ones asked for releases of other packages that
could not be had when this was measured (1.109.1: certifi 2026.10.19, litellm-proxy-extras 0.4.113)."""
_START_SECONDS = 120.0


class NotInstalled(Exception):
    """It cannot be had here; says why."""


@contextmanager
def serving(folder: Path, upstream: str) -> Generator[tuple["subprocess.Popen[bytes]", str]]:
    """Its process and base URL; the key is ``sk-bench``.

    Raises:
        NotInstalled: it could not be installed or started.
    """
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    installing = [python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", f"litellm[proxy]=={VERSION}"]
    installed = subprocess.run(installing, capture_output=True, text=True, check=False)
    if installed.returncode:
        raise NotInstalled(f"pip could not install litellm {VERSION}: {installed.stderr.strip().splitlines()[-1]}")
    config = {
        "model_list": [
            {
                "model_name": "gpt-5-mini",
                "litellm_params": {"model": "openai/gpt-5-mini", "api_base": upstream, "api_key": "k"},
            }
        ],
        "general_settings": {"master_key": "sk-bench"},
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [environment / "bin" / "litellm", "--config", folder / "config.yaml", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--telemetry", "False"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )
    try:
        _wait_for(process, f"http://127.0.0.1:{port}/health/liveliness")
        yield process, f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", url: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise NotInstalled(f"litellm {VERSION} did not start")
