import http.client
import json
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cyberrange.server import RangeServer
from cyberrange.simulation import Simulation


class Client:
    def __init__(self, server: RangeServer, folder: Path) -> None:
        self.server = server
        self.tokens = {plane: (folder / f"{plane}.token").read_text() for plane in ("defence", "umpire")}

    def ask(
        self,
        method: str,
        path: str,
        *,
        plane: str | None = None,
        body: Any = None,
        key: str | None = None,
        **headers: str,
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        if plane:
            headers["Authorization"] = f"Bearer {self.tokens[plane]}"
        if key:
            headers["Idempotency-Key"] = key
        payload = body if isinstance(body, bytes) or body is None else json.dumps(body)
        connection.request(method, path, payload, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        return response.status, answer


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    simulation = Simulation(tmp_path / "telemetry", seed=2, hosts=24)
    with RangeServer(simulation, tmp_path) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Client(server, tmp_path)
        server.shutdown()
        thread.join()
    simulation.close()


DEFENCE = [("GET", "/v1/inventory"), ("GET", "/v1/hosts/dc01.kazemachi.example"), ("GET", "/v1/reach?from=a&to=b")]
UMPIRE = [("GET", "/v1/truth"), ("POST", "/v1/clock/advance")]


@pytest.mark.parametrize(("method", "path"), [*DEFENCE, *UMPIRE, ("POST", "/v1/hosts/x/isolate"), ("GET", "/v1/none")])
def test_nothing_is_answered_without_a_token(client: Client, method: str, path: str) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic YTpi"},
    ):
        status, answer = client.ask(method, path, **headers)
        assert status == 401
        assert set(answer) == {"error"}


@pytest.mark.parametrize(("method", "path"), UMPIRE)
def test_the_defence_cannot_read_the_truth_nor_move_the_clock(client: Client, method: str, path: str) -> None:
    assert client.ask(method, path, plane="defence", body={"seconds": 30})[0] == 401


@pytest.mark.parametrize(("method", "path"), DEFENCE)
def test_the_umpire_does_not_defend(client: Client, method: str, path: str) -> None:
    assert client.ask(method, path, plane="umpire")[0] == 401


def test_a_non_ascii_token_is_refused_not_a_crash(client: Client) -> None:
    assert client.ask("GET", "/v1/truth", Authorization="Bearer t\u00f6ken")[0] == 401


def test_tokens_are_private_files_and_differ(client: Client, tmp_path: Path) -> None:
    for plane in ("defence", "umpire"):
        assert stat.S_IMODE((tmp_path / f"{plane}.token").stat().st_mode) == 0o600
    assert client.tokens["defence"] != client.tokens["umpire"]


def test_the_server_listens_on_loopback_only(client: Client) -> None:
    assert client.server.server_address[0] == "127.0.0.1"


def test_isolation_is_real_observable_and_undone(client: Client) -> None:
    inventory = client.ask("GET", "/v1/inventory", plane="defence")[1]
    first, second = [h["name"] for h in inventory["hosts"] if h["name"].startswith("hq-")][:2]
    reach = f"/v1/reach?from={first}&to={second}"
    assert client.ask("GET", reach, plane="defence") == (200, {"reachable": True})
    isolate = client.ask("POST", f"/v1/hosts/{first}/isolate", plane="defence", key="k1")
    assert isolate == (200, {"name": first, "isolated": True})
    assert client.ask("GET", f"/v1/hosts/{first.upper()}", plane="defence")[1]["isolated"] is True
    assert client.ask("GET", reach, plane="defence")[1] == {"reachable": False}
    assert client.ask("POST", f"/v1/hosts/{first}/release", plane="defence", key="k2")[1]["isolated"] is False
    assert client.ask("GET", reach, plane="defence")[1] == {"reachable": True}


def test_a_repeated_key_does_nothing_twice_and_nothing_else(client: Client) -> None:
    host = "/v1/hosts/fs01.kazemachi.example"
    for _ in range(2):
        assert client.ask("POST", f"{host}/isolate", plane="defence", key="same")[1]["isolated"] is True
    client.ask("POST", f"{host}/release", plane="defence", key="other")
    assert client.ask("POST", f"{host}/isolate", plane="defence", key="same")[0] == 200
    assert client.ask("GET", host, plane="defence")[1]["isolated"] is False
    assert client.ask("POST", f"{host}/release", plane="defence", key="same")[0] == 409
    assert client.ask("POST", f"{host}/isolate", plane="defence")[0] == 400


def test_accounts_are_disabled_and_enabled(client: Client) -> None:
    name = client.ask("GET", "/v1/inventory", plane="defence")[1]["accounts"][0]["name"]
    path = f"/v1/accounts/{name}"
    assert client.ask("POST", f"{path}/disable", plane="defence", key="1")[1] == {"name": name, "enabled": False}
    assert client.ask("GET", path, plane="defence")[1] == {"name": name, "enabled": False}
    assert client.ask("POST", f"{path}/enable", plane="defence", key="2")[1] == {"name": name, "enabled": True}
    assert client.ask("POST", f"{path}/isolate", plane="defence", key="3")[0] == 404


@pytest.mark.parametrize(
    "path", ["/v1/hosts/none", "/v1/accounts/none", "/v1/reach?from=none&to=none", "/v2/hosts", "/v1/hosts/a/b/c", "//"]
)
def test_unknown_names_and_paths_are_not_found(client: Client, path: str) -> None:
    assert client.ask("GET", path, plane="defence")[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        {"seconds": 0},
        {"seconds": -1},
        {"seconds": 1.5},
        {"seconds": True},
        {"seconds": 10**9},
        {},
    ],
)
def test_time_moves_only_by_whole_sane_steps(client: Client, body: Any) -> None:
    assert client.ask("POST", "/v1/clock/advance", plane="umpire", body=body)[0] == 400


def test_bodies_are_bounded(client: Client) -> None:
    assert client.ask("POST", "/v1/clock/advance", plane="umpire", body=b" " * 100_000)[0] == 413


def test_advancing_writes_telemetry_before_it_answers(client: Client, tmp_path: Path) -> None:
    before = client.ask("GET", "/v1/truth", plane="umpire")[1]["time"]
    status, answer = client.ask("POST", "/v1/clock/advance", plane="umpire", body={"seconds": 600})
    assert (status, answer["done"]) == (200, False)
    assert answer["time"] > before
    assert (tmp_path / "telemetry" / "sysmon.ndjson").stat().st_size > 0


def test_inventory_has_the_members_of_the_records_and_no_secrets(client: Client) -> None:
    inventory = client.ask("GET", "/v1/inventory", plane="defence")[1]
    assert set(inventory) == {"hosts", "accounts"}
    assert {frozenset(host) for host in inventory["hosts"]} == {
        frozenset({"name", "role", "criticality", "address", "users", "services"})
    }
    assert {frozenset(account) for account in inventory["accounts"]} == {
        frozenset({"name", "display_name", "criticality", "kind", "hosts"})
    }


def test_serve_prints_one_ready_line_and_stops_on_a_signal(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cyberrange", "serve", "--seed", "5", "--hosts", "20", "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert set(ready) == {"port", "time"}
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest, errors) == (0, "", "")
    assert (tmp_path / "umpire.token").read_text() not in " ".join(command)
