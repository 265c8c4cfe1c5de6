"""Log lines: one JSON object each, whoever logs, and of others nothing that they quote."""

import io
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from sakimori.core import parse_rfc3339
from sakimori.observe import Event, Level, Tenant, traces
from sakimori.observe.lines import Lines

CANARY = "canary-hunter2"


@dataclass(frozen=True)
class Happened(Event, id="test.happened", level=Level.WARNING):
    tenant: Tenant
    entries: int


class Log:
    """A logger of its own whose lines can be looked at."""

    def __init__(self, *, text: bool = False) -> None:
        self.stream = io.StringIO()
        self.logger = logging.Logger("other.library")
        self.logger.addHandler(Lines(self.stream, text=text))

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Log:
    return Log()


def test_an_event_is_one_line_with_the_standard_fields(log: Log) -> None:
    log.logger.warning(Happened(tenant="青空銀行", entries=2))
    (line,) = log.lines
    assert parse_rfc3339(line.pop("time")) > 0
    assert line == {
        "level": "warning",
        "logger": "other.library",
        "event": "test.happened",
        "tenant": "青空銀行",
        "entries": 2,
    }


def test_a_line_carries_the_trace_that_a_client_named(log: Log) -> None:
    with traces.serving("call", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        log.logger.warning(Happened(tenant="a", entries=1))
    log.logger.warning(Happened(tenant="a", entries=1))
    first, second = log.lines
    assert (first["trace_id"], first["span_id"]) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert "trace_id" not in second


def test_of_what_others_log_the_place_is_written_and_no_word(log: Log) -> None:
    log.logger.error("cannot parse %r", CANARY)
    log.logger.error(f"cannot parse {CANARY}")
    try:
        raise ValueError(CANARY)
    except ValueError:
        log.logger.exception("Error handling request from %s", CANARY)
    assert CANARY not in log.stream.getvalue()
    assert [line["event"] for line in log.lines] == ["log.other"] * 3
    assert log.lines[0]["at"].startswith("test_lines:")
    assert log.lines[2]["error"]["type"] == "ValueError"


def test_a_record_that_cannot_be_formatted_is_a_line_all_the_same(log: Log, capfd: pytest.CaptureFixture[str]) -> None:
    log.logger.error("%d", CANARY)
    assert len(log.lines) == 1
    assert CANARY not in "".join(capfd.readouterr())


def test_a_stream_that_is_gone_ends_nothing(log: Log, capfd: pytest.CaptureFixture[str]) -> None:
    log.stream.close()
    log.logger.error("%s", CANARY)
    assert capfd.readouterr() == ("", "")


def test_a_terminal_gets_text_that_steers_nothing() -> None:
    log = Log(text=True)
    log.logger.warning(Happened(tenant="青空銀行", entries=2))
    log.logger.error("\x1b[31m%s", CANARY)
    first, second = log.stream.getvalue().splitlines()
    assert first.endswith("Z warning test.happened tenant=青空銀行 entries=2")
    assert " error log.other other.library at=test_lines:" in second
    assert CANARY not in second


_BUGS = """
import asyncio, logging, threading, warnings
from sakimori.observe import service
service.begin("test", {{}})
warnings.warn("{canary}")
thread = threading.Thread(target=lambda: int("{canary}"))
thread.start(); thread.join()
async def forgotten():
    asyncio.get_running_loop().call_soon(lambda: int("{canary}"))
    asyncio.create_task(asyncio.sleep(0, "{canary}")).add_done_callback(lambda task: int(task.result()))
    await asyncio.sleep(0.01)
asyncio.run(forgotten())
class Bad:
    def __del__(self): int("{canary}")
Bad()
logging.getLogger("noisy").info("{canary}")
int("{canary}")
"""


def test_what_nobody_caught_is_a_line_without_its_message() -> None:
    """Threads, tasks, callbacks, finalisers, warnings, the main thread: a traceback would quote the message."""
    done = subprocess.run(
        [sys.executable, "-c", _BUGS.format(canary=CANARY)],
        capture_output=True,
        text=True,
        timeout=60,
        env={name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
    )
    lines = [orjson.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert CANARY not in done.stderr + done.stdout
    assert [line["event"] for line in lines].count("process.uncaught") == 3
    assert {line["logger"] for line in lines} == {"py.warnings", "sakimori.process", "asyncio"}
