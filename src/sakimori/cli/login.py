"""``sakimori login``, ``logout`` and ``whoami``: signing in at the institution's identity provider."""

import click
import orjson

from sakimori.access import Directory
from sakimori.access.oidc import Provider, SignInError
from sakimori.access.session import Sessions, admit
from sakimori.cli.acting import acting
from sakimori.core import Settings, SystemClock, plain
from sakimori.service import installation


@click.command()
def login() -> None:
    """Sign in for the institution, in a browser on any machine."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        directory = Directory(install.database, install.secrets, install.clock)
        sign_in = directory.sign_in(install.tenant)
        if sign_in is None:
            raise SignInError(f"'{install.tenant}' has no identity provider: `sakimori programme apply` sets one")
        provider = Provider(sign_in, install.clock)
        device = provider.begin_device()
        click.echo(f"Open {plain(device.url)} and enter {plain(device.user_code)}", err=True)
        if device.complete_url:
            click.echo(f"or open {plain(device.complete_url)}", err=True)
        tokens = provider.finish_device(device)
        principal = admit(directory, install.tenant, sign_in, provider.verify(tokens.id_token))
        Sessions(install.settings.home, directory, install.clock).keep(install.tenant, sign_in, tokens)
    click.echo(f"Signed in as '{principal.id}' of '{principal.tenant}': {', '.join(sorted(principal.roles))}.")


@click.command()
def logout() -> None:
    """Forget who signed in for the institution at this machine."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        directory = Directory(install.database, install.secrets, install.clock)
        ended = Sessions(install.settings.home, directory, install.clock).end(install.tenant)
    click.echo("Signed out." if ended else "Nobody was signed in.")


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def whoami(form: str) -> None:
    """Say who runs commands here, for which institution and in which roles."""
    with installation(Settings.from_environment(), SystemClock()) as install:
        principal = acting(install)
    if form == "json":
        body = {"institution": principal.tenant, "kind": principal.kind, "id": principal.id}
        said = {"scopes": sorted(principal.scopes)} if principal.kind == "key" else {"roles": sorted(principal.roles)}
        click.echo(orjson.dumps({**body, **said}))
    elif principal.kind == "owner":
        click.echo(f"'{principal.id}', the account of this machine, for '{principal.tenant}': nobody signs in here.")
    elif principal.kind == "key":
        click.echo(f"The service key {principal.id} of '{principal.tenant}': {', '.join(sorted(principal.scopes))}.")
    else:
        click.echo(f"'{principal.id}' of '{principal.tenant}': {', '.join(sorted(principal.roles))}.")
