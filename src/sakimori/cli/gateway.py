"""``sakimori gateway``: serve the one way to models, and say under which grant."""

import asyncio
import signal
from contextlib import closing
from decimal import Decimal, InvalidOperation
from pathlib import Path
from secrets import token_hex

import click

from sakimori.access.rights import Right
from sakimori.access.secrets import Secrets
from sakimori.cli.admin import admin_listen, serving_admin
from sakimori.cli.group import Group
from sakimori.core import ExitCode, InputError, SakimoriError, Settings, SystemClock, rfc3339
from sakimori.gateway import Gateway, Parts, PriceList, ProviderConfig, serve
from sakimori.ledger import Ledger, LocalSigner, Memory
from sakimori.observe import service
from sakimori.observe.admin import ListenAddress
from sakimori.records import DataClass, Grant, GrantState, LedgerEntry, Limit, Window
from sakimori.service.readiness import checks
from sakimori.store import Database

_NANOS_PER_DAY = 86_400_000_000_000


@click.group(cls=Group)
def gateway() -> None:
    """Serve the only way to models, where every call is granted, tokenised, paid for and logged."""


@gateway.command(name="serve", right=Right.SERVE_GATEWAY)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8443, show_default=True, help="0: any free port.")
@click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your contract's price list (YAML; see docs/gateway.md).",
)
@admin_listen
def serve_(host: str, port: int, prices: Path | None, admin_listen: ListenAddress | None) -> None:
    """Serve OpenAI-compatible endpoints until stopped; the provider comes from OPENAI_API_KEY and OPENAI_BASE_URL."""
    settings = Settings.from_environment()
    provider = ProviderConfig.from_environment()
    price_list = PriceList.load(prices) if prices else PriceList.shipped()
    secrets = Secrets.embedded(settings.home)
    service.begin("gateway")
    with closing(Database.of(settings)) as database:
        ledger = Ledger(LocalSigner(secrets), Memory.embedded(settings.home))
        needs = checks(settings, database)
        parts = Parts(database, secrets, ledger, provider, prices=price_list, clock=SystemClock(), checks=needs)
        try:
            asyncio.run(_serve(parts, host, port, admin_listen))
        except OSError as error:
            raise SakimoriError(
                f"cannot listen on {host} port {port}: {error.strerror or error}; choose another --host or --port"
            ) from error


async def _serve(parts: Parts, host: str, port: int, admin: ListenAddress | None) -> None:
    stop, at_once = asyncio.Event(), asyncio.Event()

    def signalled() -> None:
        (at_once if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signalled)

    def ready(base_url: str) -> None:
        click.echo(f"Listening on {base_url}; models come from {parts.provider.base_url}. Stop with Ctrl-C.")

    def finishing(calls: int) -> None:
        seconds = parts.provider.timeout
        click.echo(f"Finishing {_calls(calls)}, at most {seconds:.0f} s; Ctrl-C again stops now.")

    gateway = Gateway(parts)
    async with serving_admin(admin, gateway.readiness):
        broken_off = await serve(
            gateway, host=host, port=port, ready=ready, finishing=finishing, stop=stop, at_once=at_once
        )
    if broken_off:
        click.echo(f"Stopped; {_calls(broken_off)} broken off and booked at the upper bound.")
    else:
        click.echo("Stopped; every call that was under way was finished and settled.")


def _calls(count: int) -> str:
    return f"{count} call{'' if count == 1 else 's'}"


@gateway.command()
@click.option("--model", "models", multiple=True, required=True, help="A model that may be used; may be repeated.")
@click.option("--purpose", "purposes", multiple=True, required=True, help="What for; may be repeated.")
@click.option(
    "--data",
    "data_classes",
    type=click.Choice([item.value for item in DataClass]),
    multiple=True,
    default=[DataClass.STRUCTURED.value],
    show_default=True,
    help="Classes of data that may leave; may be repeated.",
)
@click.option("--tokens", type=click.IntRange(min=1), required=True, help="Budget per day, input and output.")
@click.option("--yen", required=True, help="Budget per day in money.")
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True, help="How long it is valid.")
def grant(
    models: tuple[str, ...],
    purposes: tuple[str, ...],
    data_classes: tuple[str, ...],
    tokens: int,
    yen: str,
    days: int,
) -> ExitCode:
    """Grant the institution models for purposes, within a budget per day."""
    settings = Settings.from_environment()
    now = SystemClock().now()
    made = Grant(
        id=f"gr-{token_hex(8)}",
        tenant=settings.tenant,
        state=GrantState.PROVISIONED,
        models=models,
        purposes=purposes,
        data_classes=tuple(DataClass(item) for item in data_classes),
        limits=(Limit(window=Window.DAY, tokens=tokens, yen=_yen(yen)),),
        not_before=now,
        not_after=now + days * _NANOS_PER_DAY,
    )
    entry = LedgerEntry(
        id=f"le-{token_hex(12)}",
        tenant=settings.tenant,
        time=now,
        actor="service:gateway",
        action="grant.made",
        subject=made.id,
        detail={"tokens": tokens, "yen": yen, "days": days, "data_classes": list(data_classes)},
    )
    ledger = Ledger(LocalSigner(Secrets.embedded(settings.home)), Memory.embedded(settings.home))
    with closing(Database.of(settings)) as database, database.transaction(settings.tenant) as transaction:
        transaction.put(made)
        ledger.append(transaction, entry)
        ledger.seal(transaction)
    click.echo(f"Grant {made.id} for '{settings.tenant}' is in force until {rfc3339(made.not_after)}.")
    return ExitCode.OK


def _yen(text: str) -> Decimal:
    try:
        yen = Decimal(text)
    except InvalidOperation as error:
        raise InputError(f"--yen: '{text}' is no amount of money") from error
    if not yen.is_finite() or yen < 0 or yen > 10**12:
        raise InputError(f"--yen: '{text}' is no amount between 0 and 10^12")
    return yen
