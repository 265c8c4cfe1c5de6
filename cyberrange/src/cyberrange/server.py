"""The range over HTTP on loopback: a defence plane and an umpire plane, each behind its own bearer token.

Tokens lie in ``defence.token`` and ``umpire.token`` (mode 0600), never in arguments or logs. Requests are served one
at a time under a lock, so a defence never acts in the middle of a step of time.
"""

import hmac
import json
import os
import re
import secrets
import signal
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from cyberrange.clock import rfc3339
from cyberrange.simulation import NotFoundError, Simulation

_MAX_BODY = 64 * 1024
_MAX_ADVANCE_S = 24 * 3600
_IDLE_S = 600
_ACT = re.compile(r"/v1/(hosts|accounts)/([^/]+)/(isolate|release|disable|enable)")
_SHOW = re.compile(r"/v1/(hosts|accounts)/([^/]+)")

Answer = tuple[HTTPStatus, dict[str, object]]


class RequestError(Exception):
    """A request that is refused: its status, and one sentence why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class RangeServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, simulation: Simulation, folder: Path, port: int = 0) -> None:
        """Binds 127.0.0.1 only and writes the two tokens into ``folder``."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.simulation = simulation
        self.lock = threading.Lock()
        self.tokens = {plane: _new_token(folder / f"{plane}.token") for plane in ("defence", "umpire")}
        self.answered: dict[str, tuple[str, Answer]] = {}
        """Idempotency key to the path it was used for and what was answered."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no bug; anything else shows its traceback."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def serve(simulation: Simulation, folder: Path, port: int, *, until_eof: bool = False) -> int:
    """Serve until SIGTERM or SIGINT, or the end of standard input; prints one JSON line when ready."""
    with RangeServer(simulation, folder, port) as server:

        def stop(_number: int, _frame: object) -> None:
            threading.Thread(target=server.shutdown).start()

        signal.signal(signal.SIGTERM, stop)
        if until_eof:
            threading.Thread(target=_shut_down_at_eof, args=(server,), daemon=True).start()
        print(json.dumps({"port": server.port, "time": rfc3339(simulation.now)}), flush=True)
        server.serve_forever(poll_interval=0.2)
    return 0


def _shut_down_at_eof(server: RangeServer) -> None:
    """Whoever started the range holds the other end: even killed, it lets go."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.shutdown()


def _new_token(path: Path) -> str:
    """A fresh token, readable by its owner only, whatever lay there before."""
    path.unlink(missing_ok=True)
    token = secrets.token_urlsafe(32)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)
    return token


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "cyberrange"
    sys_version = ""
    timeout = _IDLE_S

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: standard output belongs to the ready line."""

    @property
    def _range(self) -> RangeServer:
        return cast("RangeServer", self.server)

    def _answer(self, handle: Callable[[str], Answer]) -> None:
        try:
            body = self._body()
            with self._range.lock:
                status, answer = handle(body)
        except ConnectionError:
            raise
        except RequestError as error:
            status, answer = error.status, {"error": str(error)}
        except NotFoundError as error:
            status, answer = HTTPStatus.NOT_FOUND, {"error": str(error)}
        except OSError as error:
            why = f"cannot write telemetry ({error.strerror}): make room and start the range anew"
            status, answer = HTTPStatus.INSUFFICIENT_STORAGE, {"error": why}
        payload = json.dumps(answer, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            self.close_connection = True
        self.end_headers()
        self.wfile.write(payload)

    def _body(self) -> str:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > _MAX_BODY:
            raise RequestError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"send a body of at most {_MAX_BODY} bytes with its length"
            )
        return self.rfile.read(int(length)).decode(errors="replace")

    def _require(self, plane: str) -> None:
        """Constant-time comparison, so that an answer's timing tells nothing about the token."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        expected = self._range.tokens[plane]
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), expected.encode()):
            raise RequestError(HTTPStatus.UNAUTHORIZED, f"this needs the token in {plane}.token as a bearer token")

    def _get(self, body: str) -> Answer:
        del body
        url = urlsplit(self.path)
        simulation = self._range.simulation
        if url.path == "/v1/truth":
            self._require("umpire")
            return HTTPStatus.OK, simulation.what_really_happened()
        self._require("defence")
        if url.path == "/v1/inventory":
            return HTTPStatus.OK, simulation.inventory()
        if url.path == "/v1/reach":
            query = parse_qs(url.query)
            if sorted(query) != ["from", "to"]:
                raise RequestError(HTTPStatus.BAD_REQUEST, "give exactly the parameters from and to")
            return HTTPStatus.OK, {"reachable": simulation.reach(query["from"][0], query["to"][0])}
        if match := _SHOW.fullmatch(url.path):
            return HTTPStatus.OK, _state(simulation, match[1], unquote(match[2]))
        raise RequestError(HTTPStatus.NOT_FOUND, "there is nothing at this path")

    def _post(self, body: str) -> Answer:
        path = urlsplit(self.path).path
        if path == "/v1/clock/advance":
            self._require("umpire")
            return self._advance(body)
        self._require("defence")
        match = _ACT.fullmatch(path)
        if not match or (match[3] in ("isolate", "release")) != (match[1] == "hosts"):
            raise RequestError(HTTPStatus.NOT_FOUND, "there is nothing at this path")
        return self._act(path, match[1], unquote(match[2]), match[3])

    def _act(self, path: str, kind: str, name: str, verb: str) -> Answer:
        key = self.headers.get("Idempotency-Key", "")
        if not 1 <= len(key) <= 200:
            raise RequestError(HTTPStatus.BAD_REQUEST, "send an Idempotency-Key of 1 to 200 characters")
        if key in self._range.answered:
            used_for, answer = self._range.answered[key]
            if used_for != path:
                raise RequestError(HTTPStatus.CONFLICT, "this Idempotency-Key was used for another action")
            return answer
        simulation = self._range.simulation
        if kind == "hosts":
            simulation.set_isolated(name, isolated=verb == "isolate")
        else:
            simulation.set_enabled(name, enabled=verb == "enable")
        answer = (HTTPStatus.OK, _state(simulation, kind, name))
        self._range.answered[key] = (path, answer)
        return answer

    def _advance(self, body: str) -> Answer:
        try:
            wish: Any = json.loads(body)
            seconds = wish["seconds"]
        except (ValueError, TypeError, KeyError):
            seconds = None
        if type(seconds) is not int or not 1 <= seconds <= _MAX_ADVANCE_S:
            raise RequestError(HTTPStatus.BAD_REQUEST, f'send {{"seconds": n}} with n from 1 to {_MAX_ADVANCE_S}')
        simulation = self._range.simulation
        simulation.advance(seconds)
        return HTTPStatus.OK, {"time": rfc3339(simulation.now), "done": simulation.done}


def _state(simulation: Simulation, kind: str, name: str) -> dict[str, object]:
    if kind == "hosts":
        return {"name": name.lower(), "isolated": simulation.isolated(name)}
    return {"name": name.lower(), "enabled": simulation.enabled(name)}
