"""``sakimori alerts``: take in what other products' webhooks send."""

import asyncio
import signal
from contextlib import closing
from functools import partial

import click
from aiohttp import web

from sakimori.access import keys
from sakimori.access.secrets import Secrets
from sakimori.cli.group import Group
from sakimori.collect.inbox import Inbox
from sakimori.collect.receiver import Receiver
from sakimori.core import SakimoriError, Settings, SystemClock
from sakimori.store import Database


@click.group(cls=Group)
def alerts() -> None:
    """Receive the alerts of other products."""


@alerts.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8444, show_default=True, help="0: any free port.")
def receive(host: str, port: int) -> None:
    """Take webhook bodies on POST /alerts, under keys of scope alerts, and keep them to be scanned or followed."""
    settings = Settings.from_environment()
    secrets = Secrets.embedded(settings.home)
    inbox = Inbox(settings.home / "alerts")
    with closing(Database.of(settings)) as database:
        authenticate = partial(keys.authenticate, database, secrets, clock=SystemClock())
        try:
            asyncio.run(_serve(Receiver(inbox, authenticate), inbox, host, port))
        except OSError as error:
            raise SakimoriError(
                f"cannot listen on {host} port {port}: {error.strerror or error}; choose another --host or --port"
            ) from error


async def _serve(receiver: Receiver, inbox: Inbox, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(receiver.application(), access_log=None, shutdown_timeout=5)
    try:
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        address = runner.addresses[0]
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        click.echo(f"Listening on http://{shown}:{address[1]}/alerts; alerts are kept in {inbox.folder}. Stop: Ctrl-C.")
        await stop.wait()
    finally:
        await runner.cleanup()
    click.echo("Stopped; what was accepted is kept.")
