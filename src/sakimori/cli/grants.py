"""``sakimori grants``: which models an institution may use, what for, and how much; from asking to the first call."""

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

import click
import orjson
from rich.table import Table
from rich.text import Text

from sakimori.access import Principal
from sakimori.access.rights import Resource, Right, Rights
from sakimori.cli.group import Group
from sakimori.cli.naming import Name
from sakimori.cli.output import results
from sakimori.cli.reason import reason_option
from sakimori.core import InputError, Nanos, Settings, SystemClock, plain, rfc3339
from sakimori.programme import Granting, Programme
from sakimori.programme.granted import MOST_AT_A_TIME, MOST_REQUESTS, MOST_TOKENS, MOST_YEN, is_country
from sakimori.records import (
    CyberAccess,
    DataClass,
    Grant,
    GrantState,
    HostedTool,
    Limit,
    Media,
    Requirements,
    Window,
    as_plain,
)
from sakimori.service import Installation, installation
from sakimori.store import Snapshot, budgets

_NANOS_PER_DAY = 86_400_000_000_000
_LONGEST_NAME = 200
_MOST = {"tokens": MOST_TOKENS, "requests": MOST_REQUESTS, "yen": MOST_YEN}
_institution = click.option("--institution", type=Name(), help="Whose it is (default: SAKIMORI_TENANT).")
_form = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)


class LimitType(click.ParamType[tuple[str, Window, Decimal]]):
    """``tokens=2000000/day``."""

    name = "WHAT=AMOUNT/WINDOW"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Window, Decimal]:
        what, _, rest = str(value).partition("=")
        amount, _, window = rest.partition("/")
        try:
            number = Decimal(amount.replace("_", ""))
        except InvalidOperation:
            number = Decimal("NaN")
        whole = what == "yen" or number == number.to_integral_value()
        if what not in _MOST or window not in set(Window) or not amount.isascii() or not number.is_finite():
            self.fail(f"'{value}' is no limit: write tokens, requests or yen =AMOUNT/ minute, day or month")
        if not whole or not 0 < number <= _MOST[what]:
            self.fail(f"'{value}': expected a number above 0 and up to {_MOST[what]}, whole unless it is yen")
        return what, Window(window), number


class _Country(click.ParamType[str]):
    name = "COUNTRY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not is_country(str(value)):
            self.fail(f"'{value}' is no country: write two capital letters, such as JP (ISO 3166-1)")
        return str(value)


def _word_of(words: type[StrEnum]) -> click.Choice[str]:
    """Words as files and APIs have them: of an enumeration itself click would take the names of its members."""
    return click.Choice([word.value for word in words])


@click.group(cls=Group)
def grants() -> None:
    """Ask for models, agree to it, and see what is granted; a grant is ready once a live call proved it."""


@grants.command(right=Right.REQUEST_GRANTS)
@click.argument("name", type=Name())
@click.option("--model", "models", multiple=True, required=True, help="A model that may be used; may be repeated.")
@click.option("--purpose", "purposes", multiple=True, required=True, help="What for; may be repeated.")
@click.option(
    "--limit", "limits", type=LimitType(), multiple=True, required=True, help="tokens=2000000/day; repeatable."
)
@click.option("--days", type=click.IntRange(1, 3660), default=90, show_default=True, help="How long it is valid.")
@click.option(
    "--data",
    "data_classes",
    type=_word_of(DataClass),
    multiple=True,
    default=[DataClass.STRUCTURED.value],
    show_default=True,
    help="Classes of data that may leave; may be repeated.",
)
@click.option("--concurrency", type=click.IntRange(1, MOST_AT_A_TIME), help="Calls at a time (default: any number).")
@click.option("--cyber", type=_word_of(CyberAccess), default=CyberAccess.STANDARD.value, show_default=True)
@click.option(
    "--hosted-tool",
    "tools",
    type=_word_of(HostedTool),
    multiple=True,
    help="A tool that may run at the provider; may be repeated.",
)
@click.option("--media", type=_word_of(Media), multiple=True, help="What may leave besides text, unread.")
@click.option("--stored-in", type=_Country(), multiple=True, help="Where alone a provider may store; may be repeated.")
@click.option("--processed-in", type=_Country(), multiple=True, help="Where alone it may process; may be repeated.")
@click.option("--retention-days", type=click.IntRange(0, 36_500), help="How long it may keep anything; 0: not at all.")
@click.pass_obj
def request(
    by: Principal,
    name: str,
    models: tuple[str, ...],
    purposes: tuple[str, ...],
    limits: tuple[tuple[str, Window, Decimal], ...],
    days: int,
    data_classes: tuple[str, ...],
    concurrency: int | None,
    cyber: str,
    tools: tuple[str, ...],
    media: tuple[str, ...],
    stored_in: tuple[str, ...],
    processed_in: tuple[str, ...],
    retention_days: int | None,
) -> None:
    """Ask the authority for a grant called NAME."""
    for text in (name, *models, *purposes):
        if not text.strip() or not text.isprintable() or len(text) > _LONGEST_NAME:
            raise InputError(f"'{plain(text)}' is no name: it needs 1 to {_LONGEST_NAME} printable characters")
    with installation(Settings.from_environment(), SystemClock()) as install:
        now = install.clock.now()
        asked = Grant(
            id=name,
            tenant=install.tenant,
            state=GrantState.REQUESTED,
            models=models,
            purposes=purposes,
            data_classes=tuple(dict.fromkeys(map(DataClass, data_classes))),
            limits=_limits(limits),
            not_before=now,
            not_after=now + days * _NANOS_PER_DAY,
            concurrency=concurrency,
            cyber=CyberAccess(cyber),
            hosted_tools=tuple(dict.fromkeys(map(HostedTool, tools))),
            media=tuple(dict.fromkeys(map(Media, media))),
            requires=Requirements(stored_in=stored_in, processed_in=processed_in, retention_days=retention_days),
        )
        _granting(install).request(asked, by)
    click.echo(f"Requested: grant '{plain(name)}' for '{install.tenant}', until {rfc3339(asked.not_after)}.")


@grants.command(right=Right.MANAGE_GRANTS)
@click.argument("name", type=Name())
@_institution
@click.option("--provisioned", is_flag=True, help="The provider is set up for it already.")
@click.pass_obj
def approve(by: Principal, name: str, institution: str | None, provisioned: bool) -> None:
    """Agree to the grant NAME, as it was asked for; not for whoever asked."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        where = institution or install.tenant
        grant = _granting(install).approve(where, name, by)
        if provisioned:
            grant = _granting(install).provision(where, name, by)
    click.echo(_said(grant))


@grants.command(right=Right.MANAGE_GRANTS)
@click.argument("name", type=Name())
@_institution
@click.pass_obj
def provision(by: Principal, name: str, institution: str | None) -> None:
    """Say that the provider is set up for the grant NAME; the first call that is answered then makes it ready."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        grant = _granting(install).provision(institution or install.tenant, name, by)
    click.echo(_said(grant))


@grants.command(right=Right.READ_GRANTS)
@click.argument("name", type=Name(), required=False)
@_institution
@_form
@click.pass_obj
def show(by: Principal, name: str | None, institution: str | None, form: str) -> None:
    """List the grants, or show what the grant NAME allows and what of it is used."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        where = institution or install.tenant
        Rights().require(by, Right.READ_GRANTS, Resource.about(Right.READ_GRANTS, where))
        with install.database.snapshot(where) as snapshot:
            known = sorted(snapshot.all(Grant), key=lambda grant: grant.id)
            found = [grant for grant in known if name in (None, grant.id)]
            described = [_described(snapshot, grant, install.clock.now()) for grant in found]
    if name is not None and not found:
        raise InputError(f"institution '{where}' has no grant '{name}': see `sakimori grants show`")
    if form == "json":
        click.echo(orjson.dumps({"grants": described}))
    elif name is not None:
        _print_one(described[0])
    else:
        _print_all(described)


@grants.command(right=Right.MANAGE_GRANTS)
@click.argument("name", type=Name())
@_institution
@reason_option("Why, for the ledger.")
@click.pass_obj
def revoke(by: Principal, name: str, institution: str | None, reason: str) -> None:
    """Take the grant NAME away; effective within a second."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        programme = Programme(
            install.database, install.secrets, install.ledger, Rights(), operator=install.tenant, clock=install.clock
        )
        programme.revoke("grant", name, institution or install.tenant, by, reason=reason)
    click.echo(f"Revoked: grant '{plain(name)}' of '{plain(institution or install.tenant)}'.")


def _granting(install: Installation) -> Granting:
    return Granting(install.database, install.ledger, Rights(), clock=install.clock)


def _limits(given: tuple[tuple[str, Window, Decimal], ...]) -> tuple[Limit, ...]:
    by_window: dict[Window, dict[str, Decimal]] = {}
    for what, window, amount in given:
        if what in by_window.setdefault(window, {}):
            raise InputError(f"--limit: {what} per {window} stands there twice: write it once")
        by_window[window][what] = amount
    return tuple(
        Limit(
            window=window,
            tokens=int(found["tokens"]) if "tokens" in found else None,
            requests=int(found["requests"]) if "requests" in found else None,
            yen=found.get("yen"),
        )
        for window in Window
        if (found := by_window.get(window))
    )


def _said(grant: Grant) -> str:
    then = {
        GrantState.APPROVED: f"`sakimori grants provision {grant.id}` when the provider is set up",
        GrantState.PROVISIONED: "the first call that is answered makes it ready",
    }
    return f"Grant '{plain(grant.id)}' of '{plain(grant.tenant)}' is {grant.state}: {plain(then[grant.state])}."


def _described(snapshot: Snapshot, grant: Grant, now: Nanos) -> dict[str, Any]:
    used = {
        str(window): {"requests": booked.requests, "tokens": booked.tokens, "yen": str(booked.yen)}
        for window in Window
        if (booked := budgets.used(snapshot, grant.id, window, now=now))
    }
    running = budgets.under_way(snapshot, grant.id, now=now)
    times = {"not_before": rfc3339(grant.not_before), "not_after": rfc3339(grant.not_after)}
    return {**as_plain(grant), **times, "used": used, "under_way": running}


def _print_all(described: list[dict[str, Any]]) -> None:
    if not described:
        results().print("no grants: `sakimori grants request NAME` asks for one")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("grant", "state", "models", "purposes", "data", "until"):
        table.add_column(column, overflow="fold")
    for grant in described:
        lists = (" ".join(grant[name]) for name in ("models", "purposes", "data_classes"))
        cells = (grant["id"], grant["state"], *lists, grant["not_after"][:10])
        table.add_row(*(Text(plain(cell)) for cell in cells))
    results().print(table)


def _print_one(grant: dict[str, Any]) -> None:
    console = results()
    console.print(Text(f"{plain(grant['id'])}  {grant['state']}", style="bold"))
    for name, value in (
        ("models", " ".join(grant["models"])),
        ("purposes", " ".join(grant["purposes"])),
        ("data", " ".join(grant["data_classes"])),
        ("cyber access", grant["cyber"]),
        ("hosted tools", " ".join(grant["hosted_tools"]) or "none"),
        ("media", " ".join(grant["media"]) or "none"),
        ("stored in", " ".join(grant["requires"]["stored_in"]) or "anywhere"),
        ("processed in", " ".join(grant["requires"]["processed_in"]) or "anywhere"),
        ("kept for", _days(grant["requires"]["retention_days"])),
        ("valid", f"{grant['not_before']} to {grant['not_after']}"),
        ("calls under way", f"{grant['under_way']} of {grant['concurrency'] or 'any number'}"),
        ("requested by", grant["requested_by"] or "a grants file"),
    ):
        console.print(Text(f"{name + ':':17}{plain(value)}"))
    table = Table(box=None, pad_edge=False)
    for column in ("per", "requests", "tokens", "yen"):
        table.add_column(column, justify="left" if column == "per" else "right")
    limits = {limit["window"]: limit for limit in grant["limits"]}
    for window, used in grant["used"].items():
        limit = limits.get(window, {})
        table.add_row(window, *(_of(used[what], limit.get(what)) for what in ("requests", "tokens", "yen")))
    console.print(table)


def _of(used: object, most: object) -> str:
    return f"{Decimal(str(used)):,}" + ("" if most is None else f" of {Decimal(str(most)):,}")


def _days(days: int | None) -> str:
    return "any time" if days is None else "not at all" if days == 0 else f"{days} day{'' if days == 1 else 's'}"
