"""``sakimori providers``: which providers of models there are, how they fare, and cutting one off for everybody."""

import signal
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import orjson
from rich.table import Table
from rich.text import Text

from sakimori.access import Principal, members
from sakimori.access.rights import Right
from sakimori.cli.group import Group
from sakimori.cli.output import results
from sakimori.cli.reason import reason_option
from sakimori.core import InputError, Settings, SystemClock, plain, rfc3339
from sakimori.gateway.providers.config import Providers
from sakimori.gateway.providers.credentials import sealing_keys, usable_key
from sakimori.gateway.providers.provider import ProviderMissing, unfit_name
from sakimori.gateway.providers.share import hhi, shares
from sakimori.gateway.providers.watch import HEARD_OF
from sakimori.service import Installation, installation
from sakimori.store import providers as rows
from sakimori.store import usage

_LONGEST_KEY = 4096
_WORST = ("open", "half_open", "closed")
_file = click.option(
    "--providers",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The providers file, in place of SAKIMORI_PROVIDERS.",
)


@click.group(cls=Group)
def providers() -> None:
    """Say how the providers of models fare, keep their keys, and cut one off for everybody at once."""


@providers.command(right=Right.READ_PROVIDERS)
@_file
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True, help="Whose traffic is counted.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def status(file: Path | None, days: int, form: str) -> None:
    """List providers: order, where they store and process, health, who cut them off, and their share of calls."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        described = _described(install, _configured(file), days)
    if form == "json":
        click.echo(orjson.dumps(described))
        return
    console = results()
    table = Table(box=None, pad_edge=False)
    for column in ("provider", "order", "stored in", "processed in", "retention", "health", "calls", "share"):
        table.add_column(column, overflow="fold")
    for one in described["providers"]:
        cells = (
            one["name"],
            "-" if one["order"] is None else f"{one['order']} (weight {one['weight']})",
            " ".join(one["stored_in"]),
            " ".join(one["processed_in"]),
            one["retention"] or "",
            _health(one),
            str(one["calls"]),
            f"{one['share']:.1%}",
        )
        table.add_row(*(Text(plain(cell)) for cell in cells))
    console.print(table)
    for one in described["providers"]:
        if cut := one["cut"]:
            line = f"{one['name']} was cut off {cut['at']} by {cut['by']}: {cut['reason']}"
            console.print(Text(plain(line), style="bold red"))
    index = described["hhi"]
    console.print(
        Text(f"Concentration (HHI) over {days} days: {'no calls' if index is None else f'{index} of 10,000'}.")
    )


@providers.command(right=Right.MANAGE_PROVIDERS)
@click.argument("name")
@_file
@reason_option("Why, for the ledger and for whoever asks.")
@click.pass_obj
def cut(by: Principal, name: str, file: Path | None, reason: str) -> None:
    """Cut NAME off: within a second no gateway of the programme calls it, and calls under way there are broken off."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        _refuse_unknown(install, name, _configured(file))
        _enter(install, by, "provider.cut", name, {"reason": reason})
        with install.database.transaction(rows.PROGRAMME) as transaction:
            rows.cut(transaction, name, by=by.actor, reason=reason, now=install.clock.now())
    click.echo(f"'{name}' is cut off: within a second no call goes there.")


@providers.command(right=Right.MANAGE_PROVIDERS)
@click.argument("name")
@reason_option("Why, for the ledger.")
@click.pass_obj
def restore(by: Principal, name: str, reason: str) -> None:
    """Let calls go to NAME again."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        with install.database.snapshot(rows.PROGRAMME) as snapshot:
            cut_off = [cut.provider for cut in rows.cuts(snapshot)]
        if name not in cut_off:
            listed = f"cut off are: {', '.join(cut_off)}" if cut_off else "none is"
            raise InputError(f"no provider '{plain(name)}' is cut off; {listed}")
        _enter(install, by, "provider.restored", name, {"reason": reason})
        with install.database.transaction(rows.PROGRAMME) as transaction:
            rows.restore(transaction, name)
    click.echo(f"'{name}' gets calls again within a second.")


@providers.command(right=Right.MANAGE_PROVIDERS)
@click.argument("name")
@click.pass_obj
def key(by: Principal, name: str) -> None:
    """Keep the key of NAME, encrypted, for providers whose key is `store`; it is read from standard input."""
    if reason := unfit_name(name):
        raise InputError(reason)
    shown = click.prompt("Key", hide_input=True) if sys.stdin.isatty() else sys.stdin.read(_LONGEST_KEY)
    secret = usable_key(shown)
    if secret is None:
        raise InputError("standard input holds no key: expected one line of printable ASCII without spaces")
    with installation(Settings.from_environment(), SystemClock()) as install:
        _enter(install, by, "provider.key_set", name, {})
        with install.database.transaction(rows.PROGRAMME) as transaction:
            rows.keep_key(
                transaction, sealing_keys(transaction, install.secrets), name, secret, now=install.clock.now()
            )
    click.echo(f"The key of '{name}' is kept, encrypted; gateways show it within a second.")


@providers.command("serve-local", right=Right.SERVE_GATEWAY)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any free port.")
def serve_local(port: int) -> None:
    """Serve a small open model on this machine until stopped, to prove that the plumbing holds; never for accuracy."""
    from sakimori.gateway.providers.local import MODEL, WHAT_IT_PROVES, serving

    stop = threading.Event()

    def stopped(_number: int, _frame: object) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
    with serving(Settings.from_environment().home, port=port) as base_url:
        click.echo(WHAT_IT_PROVES)
        click.echo(f"Serving {MODEL} as a provider of kind compatible at {base_url}. Stop with Ctrl-C.")
        stop.wait()


def _configured(file: Path | None) -> Providers | None:
    """None: nothing is configured here; the gateways may run elsewhere."""
    try:
        return Providers.configured(file)
    except ProviderMissing:
        return None


def _refuse_unknown(install: Installation, name: str, configured: Providers | None) -> None:
    """A mistyped name that seemed to be cut off would be worse than an error."""
    known = {provider.name for provider in configured or ()}
    with install.database.snapshot(rows.PROGRAMME) as snapshot:
        known |= {seen.provider for seen in rows.reports(snapshot, since=0)}
    if name not in known:
        listed = f"known are {', '.join(sorted(known))}" if known else "none is known"
        raise InputError(f"there is no provider '{plain(name)}': {listed}; name the file that has it with --providers")


def _enter(install: Installation, by: Principal, action: str, name: str, detail: dict[str, Any]) -> None:
    """Write the order into the operator's ledger, before it is carried out: none is without its entry."""
    with install.database.transaction(install.tenant) as transaction:
        install.enter(transaction, by, action, name, detail)


def _described(install: Installation, configured: Providers | None, days: int) -> dict[str, Any]:
    now = install.clock.now()
    with install.database.snapshot(rows.PROGRAMME) as snapshot:
        cuts = {cut.provider: cut for cut in rows.cuts(snapshot)}
        seen = rows.reports(snapshot, since=now - HEARD_OF)
    calls = _calls(install, days)
    names = [provider.name for provider in sorted(configured or (), key=lambda one: (one.order, one.name))]
    names += sorted(({one.provider for one in seen} | calls.keys() | cuts.keys()) - set(names))
    share = shares({name: calls[name] for name in names})
    found: list[dict[str, Any]] = []
    for name in names:
        provider = configured.named(name) if configured else None
        reports = [one for one in seen if one.provider == name]
        last = max(reports, key=lambda one: one.last_failure_at or 0, default=None)
        cut = cuts.get(name)
        found.append(
            {
                "name": name,
                "kind": provider and provider.kind,
                "order": provider and provider.order,
                "weight": provider and provider.weight,
                "stored_in": sorted(provider.stored_in) if provider else [],
                "processed_in": sorted(provider.processed_in) if provider else [],
                "retention": provider and provider.retention,
                "processes": len(reports),
                "breaker": min((one.state for one in reports), key=_WORST.index, default=None),
                "answered": sum(one.answered for one in reports),
                "failed": sum(one.failed for one in reports),
                "last_failure": last and last.last_failure,
                "last_failure_at": rfc3339(last.last_failure_at) if last and last.last_failure_at else None,
                "cut": {"at": rfc3339(cut.at), "by": cut.by, "reason": cut.reason} if cut else None,
                "calls": calls[name],
                "share": share[name],
            }
        )
    return {"days": days, "hhi": hhi(calls), "providers": found}


def _calls(install: Installation, days: int) -> Counter[str]:
    """Calls that left, by provider, of all institutions of the programme."""
    today = datetime.fromtimestamp(install.clock.now() // 1_000_000_000, UTC).date()
    with install.database.snapshot(install.tenant) as snapshot:
        institutions = {install.tenant, *(member.name for member in members.every(snapshot))}
    counted: Counter[str] = Counter()
    with install.database.snapshots(sorted(institutions)) as each:
        for snapshot in each:
            counted.update(usage.calls_by_provider(snapshot, today - timedelta(days=days - 1), today))
    return counted


def _health(one: dict[str, Any]) -> str:
    if one["cut"]:
        return "cut off"
    if not one["processes"]:
        return "no gateway reports"
    words = {"closed": "well", "half_open": "being tried again", "open": "avoided: it keeps failing"}
    last = f", last failure {one['last_failure']}" if one["last_failure"] else ""
    return f"{words[one['breaker']]} ({one['answered']} answered, {one['failed']} failed{last})"
