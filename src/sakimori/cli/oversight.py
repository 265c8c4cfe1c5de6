"""``sakimori oversight``: what the model provider itself says of our account, as findings and ledger entries."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import click
from aiohttp import web

from sakimori.access.files import read_closed
from sakimori.access.rights import Right
from sakimori.cli.admin import Address
from sakimori.cli.group import Group
from sakimori.core import InputError, SakimoriError, Settings, SystemClock
from sakimori.gateway.oversight import LATE, MAX_BODY, Api, Oversight, Scope, Webhook, WebhookRefused
from sakimori.observe import service
from sakimori.observe.admin import ListenAddress
from sakimori.service import installation
from sakimori.service.oversight import oversight_of
from sakimori.store import StoreError

_OPENAI = "https://api.openai.com/v1"
_LONGEST_SECRET = 4096


class _Secret(click.ParamType[str]):
    """``env:NAME`` or ``file:PATH``: where a secret is, since every user of a machine can read arguments."""

    name = "env:NAME|file:PATH"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        kind, _, where = value.partition(":")
        if kind not in ("env", "file") or not where:
            self.fail("write env:NAME or file:PATH, where the secret is, and not the secret")
        if kind == "env":
            found = os.environ.get(where, "").strip()
            if not found:
                raise InputError(f"the environment variable {where} holds no secret: set it, or name another place")
            return found
        try:
            found = read_closed(Path(where), _LONGEST_SECRET).decode("ascii").strip()
        except OSError as error:
            raise InputError(f"{where}: the secret cannot be read: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{where}: holds something that is no secret: expected one line of ASCII") from error
        if not found or len(found) > _LONGEST_SECRET or not found.isprintable():
            raise InputError(f"{where}: holds something that is no secret: expected one line of ASCII")
        return found


@click.group(cls=Group)
def oversight() -> None:
    """Take in what the model provider itself says of our account: its audit log, safety alerts and cases."""


@oversight.command(right=Right.SERVE_GATEWAY)
@click.option("--admin-key", type=_Secret(), help="The organisation's admin key: its audit log is read.")
@click.option("--key", type=_Secret(), help="The project's key: announced alerts and cases are fetched.")
@click.option("--webhook-secret", type=_Secret(), help="Of the provider's webhook endpoint, for --listen.")
@click.option("--listen", type=Address(), help="HOST:PORT for the provider's webhooks on POST /webhook.")
@click.option("--every", type=click.IntRange(1, 86_400), default=60, show_default=True, help="Seconds between looks.")
@click.option(
    "--late",
    type=click.IntRange(1, 720),
    default=LATE // 3_600,
    show_default=True,
    help="Hours after which entries of the audit log may still turn up: looked through every hour.",
)
@click.option(
    "--tenant/--no-tenant",
    default=True,
    show_default=True,
    help="Whether the audit log is read for what the organisation belongs to, too (sign-on, admin keys, billing).",
)
@click.option("--once", is_flag=True, help="Look once and stop.")
@click.option("--base-url", default=_OPENAI, show_default=True, help="The provider's API.")
def watch(
    admin_key: str | None,
    key: str | None,
    webhook_secret: str | None,
    listen: ListenAddress | None,
    every: int,
    late: int,
    tenant: bool,
    once: bool,
    base_url: str,
) -> None:
    """Keep watching; each thing becomes a ledger entry and a finding, once."""
    if (listen is None) != (webhook_secret is None):
        raise InputError("--listen and --webhook-secret belong together: webhooks are taken in only when signed")
    if admin_key is None and listen is None and key is None:
        raise InputError("there is nothing to watch: give --admin-key, or --listen with --webhook-secret, or both")
    service.begin("oversight")
    with installation(Settings.from_environment(), SystemClock()) as install:
        watched = oversight_of(install, late=late * 3_600)
        api = Api(base_url, admin_key=admin_key, key=key)
        scopes = (Scope.ORGANIZATION, *([Scope.TENANT] if tenant else []))
        if once:
            audit, fetched = asyncio.run(_look(watched, api, scopes))
            click.echo(f"New: {audit} of the audit log, {fetched} announced.")
            return
        webhook = Webhook(watched, webhook_secret, install.clock) if webhook_secret else None
        try:
            asyncio.run(_watch(watched, api, scopes, webhook, listen, every))
        except OSError as error:
            raise SakimoriError(f"cannot listen on {listen}: {error.strerror or error}; choose another") from error
    click.echo("Stopped; what was taken in is kept.")


async def _look(watched: Oversight, api: Api, scopes: Sequence[Scope]) -> tuple[int, int]:
    async with api:
        audit = 0
        for scope in scopes if api.reads_audit_log else ():
            audit += await watched.read_audit_log(api, scope)
        return audit, await watched.fetch_announced(api)


async def _watch(
    watched: Oversight,
    api: Api,
    scopes: Sequence[Scope],
    webhook: Webhook | None,
    listen: ListenAddress | None,
    every: float,
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(api)
        if webhook is not None and listen is not None:
            runner = web.AppRunner(_application(webhook), access_log=None, shutdown_timeout=5)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, listen.host, listen.port).start()
            at = ListenAddress(*runner.addresses[0][:2])
            click.echo(f"Webhooks of the provider go to http://{at}/webhook.")
        click.echo(f"Watching every {every} s. Stop: Ctrl-C.")
        await watched.watch(api, scopes, every=every, stop=stop)


def _application(webhook: Webhook) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY)

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            await asyncio.to_thread(webhook.take, dict(request.headers), body)
        except WebhookRefused as refused:
            return web.json_response({"error": str(refused)}, status=400)
        except StoreError:
            return web.json_response({"error": "it cannot be kept now: send it again"}, status=503)
        return web.Response(status=204)

    app.router.add_post("/webhook", take)
    return app
