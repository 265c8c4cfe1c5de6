"""The umpire of a drill: runs the cyber range as a process of its own, moves its clock and alone may see its truth.

The defence gets an address, a token for the bank's own systems, and the telemetry folder. It never gets this object.
"""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import orjson

from sakimori.core import Nanos, SakimoriError, parse_rfc3339
from sakimori.records import from_plain, parse_object, record


class RangeError(SakimoriError):
    """The cyber range did not start, or stopped answering."""


@record
class Casualty:
    """A host whose files were encrypted."""

    host: str
    time: Nanos


@record
class CrewStep:
    """Something that the crew did or tried."""

    time: Nanos
    technique: str
    """ATT&CK technique id."""
    host: str
    """Where; empty for a telephone call."""
    account: str
    """As whom, where it used an account."""
    what: str
    ok: bool
    """Whether it did what the crew wanted."""


@record
class Truth:
    """What really happened, known to the umpire alone."""

    hosts: int
    first_malicious: Nanos | None
    outcome: str
    """``finished``, ``gave_up``, ``day_ended``, or ``running``."""
    lost: tuple[Casualty, ...]
    """In order of time."""
    steps: tuple[CrewStep, ...]

    def touched(self, name: str, *, by: Nanos) -> bool:
        """Whether the crew had acted on that host, or as that account, by then."""
        return any(name in (step.host, step.account) for step in self.steps if step.time <= by)


@dataclass(frozen=True, slots=True)
class Tick:
    time: Nanos
    done: bool
    """The crew has finished or given up, or the day is over."""


class Umpire:
    def __init__(self, *, folder: Path, port: int, start: Nanos) -> None:
        self.start = start
        self.telemetry = folder / "telemetry"
        self.defence_url = f"http://127.0.0.1:{port}"
        self.defence_token = folder / "defence.token"
        self._token = (folder / "umpire.token").read_text().strip()
        self._connection = HTTPConnection("127.0.0.1", port, timeout=120)

    def close(self) -> None:
        self._connection.close()

    def advance(self, seconds: int) -> Tick:
        """Let simulated time pass; the telemetry of it is on disk when this returns."""
        answer = self._call("POST", "/v1/clock/advance", {"seconds": seconds})
        return Tick(time=parse_rfc3339(answer["time"]), done=bool(answer["done"]))

    def truth(self) -> Truth:
        return _truth(self._call("GET", "/v1/truth"))

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            self._connection.request(method, path, orjson.dumps(body) if body is not None else None, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            raise RangeError(f"the cyber range stopped answering at {path}: {error}") from error
        if answer.status != 200:
            said = content[:200].decode(errors="replace")
            raise RangeError(f"the cyber range answered {answer.status} at {path}: {said}")
        return parse_object(content, what=f"answer of the cyber range at {path}")


def _truth(answer: dict[str, Any]) -> Truth:
    """Raises InputError where the range tells something else than a truth."""
    first = answer.get("first_malicious")
    lost = [
        {"host": name, "time": parse_rfc3339(host["since"])}
        for name, host in answer["hosts"].items()
        if host["state"] == "encrypted"
    ]
    plain = {
        "hosts": len(answer["hosts"]),
        "first_malicious": parse_rfc3339(first) if first else None,
        "outcome": answer["outcome"],
        "lost": sorted(lost, key=lambda casualty: (casualty["time"], casualty["host"])),
        "steps": [
            {
                "time": parse_rfc3339(step["time"]),
                **{name: step[name] for name in ("technique", "host", "account", "what", "ok")},
            }
            for step in answer["steps"]
        ],
    }
    return from_plain(Truth, plain)


@contextmanager
def cyber_range(folder: Path, *, seed: int, hosts: int) -> Generator[Umpire]:
    """Start a range in ``folder``; it ends with the ``with`` block, whatever happens in it.

    Raises:
        RangeError: it is not installed or did not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "cyberrange", "serve", "--until-eof", "--out", str(folder), "--seed", str(seed)]
    log = folder / "range.log"
    with log.open("w") as complaints:
        # A session of its own: Ctrl-C in a terminal is for us to answer, and the range ends with its standard input.
        process = subprocess.Popen(
            [*command, "--hosts", str(hosts)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            start_new_session=True,
        )
    with process:
        assert process.stdout
        try:
            ready = process.stdout.readline()
            if not ready:
                lines = log.read_text().strip().splitlines()
                raise RangeError(f"the cyber range did not start: {lines[-1] if lines else 'it gave no reason'}")
            answer = json.loads(ready)
            umpire = Umpire(folder=folder, port=answer["port"], start=parse_rfc3339(answer["time"]))
            with closing(umpire):
                yield umpire
        finally:
            process.kill()
