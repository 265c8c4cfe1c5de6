"""``sakimori egress``: what a bank's network and machines need, so that nobody reaches models past the gateway."""

import click

from sakimori.cli.group import Group
from sakimori.gateway import egress as data


@click.group(cls=Group)
def egress() -> None:
    """Close the ways around the gateway: a block list and configuration of clients (docs/threat-model.md)."""


@egress.command()
@click.option("--format", "form", type=click.Choice(list(data.FORMS)), default="rpz", show_default=True)
def blocklist(form: str) -> None:
    """Print the domains by which models are reached directly, for a firewall, proxy or name server."""
    click.echo(data.blocklist(form), nl=False)


@egress.command()
@click.argument("name", type=click.Choice(data.CLIENTS))
@click.option("--base-url", default="http://127.0.0.1:8443/v1", show_default=True, help="Where your gateway is.")
def client(name: str, base_url: str) -> None:
    """Print the managed configuration NAME, which makes a client use the gateway and nothing else."""
    click.echo(data.client_configuration(name, base_url), nl=False)
