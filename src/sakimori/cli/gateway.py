"""``sakimori gateway``: serve the one way to models."""

import asyncio
import os
import signal
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from sakimori.access.rights import Right
from sakimori.access.secrets import Secrets
from sakimori.cli.admin import admin_listen, serving_admin
from sakimori.cli.database_option import database_option
from sakimori.cli.group import Group
from sakimori.core import InputError, SakimoriError, Settings, SystemClock
from sakimori.gateway import (
    Address,
    Gateway,
    Parts,
    PriceList,
    Providers,
    Recogniser,
    RecogniserSettings,
    installed_models,
    serve,
)
from sakimori.gateway.boundary import keep_compiled_in
from sakimori.ledger import Ledger, LocalSigner, Memory
from sakimori.observe import service
from sakimori.observe.admin import ListenAddress
from sakimori.service import memory
from sakimori.service.readiness import checks
from sakimori.store import Database

_SWITCH_SECONDS = 0.0005
"""In which a thread that computes hands over to one that waits: a call waits for three, and 5 ms each are much."""


@click.group(cls=Group)
def gateway() -> None:
    """Serve the only way to models, where every call is granted, tokenised, paid for and logged."""


@gateway.command(name="serve", right=Right.SERVE_GATEWAY)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8443, show_default=True, help="0: any free port.")
@click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The price list of the provider in the environment (YAML; see docs/gateway.md).",
)
@click.option(
    "--providers",
    "providers_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your providers, in place of SAKIMORI_PROVIDERS (YAML; see docs/providers.example.yaml).",
)
@database_option
@click.option("--reuse-port", is_flag=True, help="Share the port with other processes of this gateway.")
@click.option(
    "--names-workers",
    type=click.IntRange(0, 64),
    default=0,
    show_default=True,
    help="Processes that look for names in free text (extra [ner], about 0.5 GB each); 0: free text is refused.",
)
@admin_listen
def serve_(
    host: str,
    port: int,
    prices: Path | None,
    providers_file: Path | None,
    reuse_port: bool,
    names_workers: int,
    admin_listen: ListenAddress | None,
) -> None:
    """Serve OpenAI-compatible endpoints until stopped.

    Models come from the providers of a file, or from the one that OPENAI_API_KEY and OPENAI_BASE_URL name.
    """
    settings = Settings.from_environment()
    if prices is None:
        providers = Providers.configured(providers_file)
    elif providers_file is None and not os.environ.get("SAKIMORI_PROVIDERS"):
        providers = Providers.from_environment(prices=PriceList.load(prices))
    else:
        raise InputError("--prices is for the one provider of OPENAI_BASE_URL: a providers file has each one's prices")
    secrets = Secrets.embedded(settings.home)
    service.begin("gateway")
    sys.setswitchinterval(_SWITCH_SECONDS)
    memory.spare()
    keep_compiled_in(settings.home / "cache")
    with closing(Database.of(settings)) as database, _names(names_workers) as recogniser:
        ledger = Ledger(LocalSigner(secrets), Memory.embedded(settings.home))
        needs = checks(settings, database)
        clock, programme = SystemClock(), settings.tenant
        parts = Parts(
            database, secrets, ledger, providers, clock, checks=needs, recogniser=recogniser, programme=programme
        )
        address = Address(host, port, shared=reuse_port)
        try:
            asyncio.run(_serve(parts, address, admin_listen))
        except OSError as error:
            raise SakimoriError(
                f"cannot listen on {host} port {port}: {error.strerror or error}; choose another --host or --port"
            ) from error


@contextmanager
def _names(workers: int) -> Generator[Recogniser | None]:
    """Raises RecogniserError where the models are not installed."""
    if not workers:
        yield None
        return
    recogniser = Recogniser(RecogniserSettings(models=installed_models(), workers=workers))
    try:
        recogniser.start()
        yield recogniser
    finally:
        recogniser.close()


async def _serve(parts: Parts, address: Address, admin: ListenAddress | None) -> None:
    stop, at_once = asyncio.Event(), asyncio.Event()

    def signalled() -> None:
        (at_once if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signalled)

    sources = ", ".join(provider.base_url for provider in parts.providers)

    def ready(base_url: str) -> None:
        memory.settle()
        click.echo(f"Listening on {base_url}; models come from {sources}. Stop with Ctrl-C.")

    def finishing(calls: int) -> None:
        seconds = parts.providers.total_seconds
        click.echo(f"Finishing {_calls(calls)}, at most {seconds:.0f} s; Ctrl-C again stops now.")

    gateway = Gateway(parts)
    trimming = asyncio.create_task(memory.keep_trimmed())
    async with serving_admin(admin, gateway.readiness):
        broken_off = await serve(gateway, address, ready=ready, finishing=finishing, stop=stop, at_once=at_once)
    trimming.cancel()
    if broken_off:
        click.echo(f"Stopped; {_calls(broken_off)} broken off and booked at the upper bound.")
    else:
        click.echo("Stopped; every call that was under way was finished and settled.")


def _calls(count: int) -> str:
    return f"{count} call{'' if count == 1 else 's'}"
