"""The range's connector: against a server that misbehaves, and against the real range."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from sakimori.core import InputError
from sakimori.records import Action, Command, Effect, Entity, EntityType
from sakimori.respond.connectors import ConnectorRefused, ConnectorUnreachable
from sakimori.respond.connectors.cyberrange import CyberRange
from sakimori.respond.connectors.settings import CyberrangeSettings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def action(command: Command, name: str) -> Action:
    kind = EntityType.HOST if "host" in command.value else EntityType.USER
    target = Entity(type=kind, value=name)
    return Action(tenant="bank", command=command, target=target, connector="range", incident_id="in-1", parameters={})


def connector(folder: Path, port: int) -> CyberRange:
    path = folder / "token"
    path.write_text("secret\n")
    return CyberRange(CyberrangeSettings(name="range", url=f"http://127.0.0.1:{port}", token_file=path))


def against(handler: Handler, folder: Path, use: Callable[[CyberRange], Awaitable[Any]]) -> Any:
    """Run a use of the connector against a server that answers everything by the handler."""

    async def run() -> Any:
        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", handler)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            return await use(connector(folder, runner.addresses[0][1]))
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def test_an_action_is_one_request_with_token_and_key(tmp_path: Path) -> None:
    seen: list[tuple[str, str, str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        headers = request.headers
        seen.append((request.method, request.raw_path, headers["Authorization"], headers["Idempotency-Key"]))
        return web.json_response({})

    against(handler, tmp_path, lambda it: it.apply(action(Command.DISABLE_ACCOUNT, "山田 太郎/../x"), key="ex-1-0-do"))
    path = "/v1/accounts/%E5%B1%B1%E7%94%B0%20%E5%A4%AA%E9%83%8E%2F..%2Fx/disable"
    assert seen == [("POST", path, "Bearer secret", "ex-1-0-do")]


@pytest.mark.parametrize("name", ["", ".", "..", "a\nb", "a\0b"])
def test_names_that_cannot_be_one_path_segment_are_not_reached(tmp_path: Path, name: str) -> None:
    made = connector(tmp_path, 1)
    assert not made.reaches(Command.ISOLATE_HOST, Entity(type=EntityType.HOST, value=name))
    with pytest.raises(ConnectorRefused):
        asyncio.run(made.apply(action(Command.ISOLATE_HOST, name), key="k"))


def test_a_host_is_no_account(tmp_path: Path) -> None:
    made = connector(tmp_path, 1)
    assert not made.reaches(Command.DISABLE_ACCOUNT, Entity(type=EntityType.HOST, value="a"))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413])
def test_a_no_is_a_refusal_and_does_not_repeat_what_the_server_said(tmp_path: Path, status: int) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"error": "<script>"}, status=status)

    with pytest.raises(ConnectorRefused, match=f"status {status}") as raised:
        against(handler, tmp_path, lambda it: it.apply(action(Command.ISOLATE_HOST, "a"), key="k"))
    assert "script" not in str(raised.value)
    assert "secret" not in str(raised.value)


async def broken(request: web.Request) -> web.StreamResponse:
    raise web.HTTPInternalServerError


async def redirecting(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("http://192.0.2.1/")


async def garbage(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"\xff\xfe not json")


async def array(request: web.Request) -> web.StreamResponse:
    return web.json_response([1])


async def cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"{")
    assert request.transport is not None
    request.transport.close()
    return response


@pytest.mark.parametrize("handler", [broken, redirecting, garbage, array, cut])
def test_no_usable_answer_leaves_the_outcome_unknown(tmp_path: Path, handler: Handler) -> None:
    with pytest.raises(ConnectorUnreachable):
        against(handler, tmp_path, lambda it: it.apply(action(Command.ISOLATE_HOST, "a"), key="k"))
    assert against(handler, tmp_path, lambda it: it.observe(action(Command.ISOLATE_HOST, "a"))) is Effect.UNKNOWN


def test_nobody_listening_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConnectorUnreachable, match="is the range still running"):
        asyncio.run(connector(tmp_path, 1).apply(action(Command.ISOLATE_HOST, "a"), key="k"))


@pytest.mark.parametrize("answer", [{}, {"isolated": "yes"}, {"isolated": None}])
def test_a_state_that_is_no_boolean_is_unknown(tmp_path: Path, answer: dict[str, object]) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(answer)

    assert against(handler, tmp_path, lambda it: it.observe(action(Command.ISOLATE_HOST, "a"))) is Effect.UNKNOWN


def test_an_inventory_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"hosts": [{"name": 1}], "accounts": []})

    with pytest.raises(ConnectorUnreachable, match="the inventory cannot be read"):
        against(handler, tmp_path, lambda it: it.inventory(tenant="bank", now=0))


@pytest.mark.parametrize("url", ["", "127.0.0.1", "file:///etc/passwd", "http://"])
def test_a_url_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError, match="is not http"):
        CyberRange(CyberrangeSettings(name="range", url=url, token_file=tmp_path / "token"))


def test_a_missing_token_is_one_sentence(tmp_path: Path) -> None:
    made = connector(tmp_path, 1)
    (tmp_path / "token").unlink()
    with pytest.raises(ConnectorRefused, match="the token cannot be read"):
        asyncio.run(made.apply(action(Command.ISOLATE_HOST, "a"), key="k"))


@pytest.fixture(scope="module")
def real_range(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CyberRange]:
    """The range as users run it: its own process."""
    folder = tmp_path_factory.mktemp("range")
    process = subprocess.Popen(
        [sys.executable, "-m", "cyberrange", "serve", "--out", str(folder), "--seed", "1", "--hosts", "50"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        port = json.loads(process.stdout.readline())["port"]
        yield CyberRange(
            CyberrangeSettings(name="range", url=f"http://127.0.0.1:{port}", token_file=folder / "defence.token")
        )
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        process.stdout.close()


def test_isolation_in_the_real_range_stops_traffic_and_is_taken_back(real_range: CyberRange) -> None:
    inventory = asyncio.run(real_range.inventory(tenant="bank", now=0))
    assert len(inventory.hosts) == 50
    servers = [host.name for host in inventory.hosts if host.role == "file-server"]
    clients = [host.name for host in inventory.hosts if host.role == "workstation"]
    pairs = [(client, server) for client in clients[:10] for server in servers]

    async def reached() -> list[tuple[str, str]]:
        return [pair for pair in pairs if await real_range.reachable(*pair)]

    before = asyncio.run(reached())
    client, server = before[0]
    isolate, release = action(Command.ISOLATE_HOST, client), action(Command.RELEASE_HOST, client)
    assert asyncio.run(real_range.observe(isolate)) is Effect.ABSENT
    assert asyncio.run(real_range.observe(release)) is Effect.APPLIED
    for _ in range(2):
        asyncio.run(real_range.apply(isolate, key="k-1"))
        assert asyncio.run(real_range.observe(isolate)) is Effect.APPLIED
        assert not asyncio.run(real_range.reachable(client, server))
    asyncio.run(real_range.apply(release, key="k-2"))
    assert asyncio.run(reached()) == before


def test_disabling_in_the_real_range_is_seen_and_taken_back(real_range: CyberRange) -> None:
    name = asyncio.run(real_range.inventory(tenant="bank", now=0)).accounts[0].name
    disable, enable = action(Command.DISABLE_ACCOUNT, name), action(Command.ENABLE_ACCOUNT, name)
    asyncio.run(real_range.apply(disable, key="k-3"))
    assert asyncio.run(real_range.observe(disable)) is Effect.APPLIED
    asyncio.run(real_range.apply(enable, key="k-4"))
    assert asyncio.run(real_range.observe(disable)) is Effect.ABSENT


def test_what_the_real_range_does_not_know_is_refused(real_range: CyberRange) -> None:
    with pytest.raises(ConnectorRefused, match="404"):
        asyncio.run(real_range.apply(action(Command.ISOLATE_HOST, "no.such.host"), key="k-5"))
