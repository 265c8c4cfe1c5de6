"""``sakimori alerts``: take in what other products' webhooks send."""

import asyncio
import signal
from contextlib import closing

import click
from aiohttp import web

from sakimori.access import Directory
from sakimori.access.rights import Right, Rights
from sakimori.access.secrets import Secrets
from sakimori.cli.admin import admin_listen, serving_admin
from sakimori.cli.group import Group
from sakimori.collect.inbox import Inbox
from sakimori.collect.receiver import Receiver
from sakimori.core import SakimoriError, Settings, SystemClock
from sakimori.observe import Readiness, service
from sakimori.observe.admin import ListenAddress, add_probes
from sakimori.service.readiness import checks
from sakimori.store import Database


@click.group(cls=Group)
def alerts() -> None:
    """Receive the alerts of other products."""


@alerts.command(right=Right.RECEIVE_ALERTS)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8444, show_default=True, help="0: any free port.")
@admin_listen
def receive(host: str, port: int, admin_listen: ListenAddress | None) -> None:
    """Take webhook bodies on POST /alerts, under keys of scope alerts, and keep them to be scanned or followed."""
    settings = Settings.from_environment()
    secrets = Secrets.embedded(settings.home)
    inbox = Inbox(settings.home / "alerts")
    service.begin("alerts")
    with closing(Database.of(settings)) as database:
        authenticate = Directory(database, secrets, SystemClock()).authenticate
        receiver, readiness = Receiver(inbox, authenticate, Rights()), Readiness(checks(settings, database))
        try:
            asyncio.run(_serve(receiver, inbox, host, port, admin_listen, readiness))
        except OSError as error:
            raise SakimoriError(
                f"cannot listen on {host} port {port}: {error.strerror or error}; choose another --host or --port"
            ) from error


async def _serve(
    receiver: Receiver, inbox: Inbox, host: str, port: int, admin: ListenAddress | None, readiness: Readiness
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app = receiver.application()
    add_probes(app, readiness)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    async with serving_admin(admin, readiness):
        try:
            await runner.setup()
            await web.TCPSite(runner, host, port).start()
            at = ListenAddress(*runner.addresses[0][:2])
            click.echo(f"Listening on http://{at}/alerts; alerts are kept in {inbox.folder}. Stop: Ctrl-C.")
            await stop.wait()
        finally:
            await runner.cleanup()
            readiness.close()
    click.echo("Stopped; what was accepted is kept.")
