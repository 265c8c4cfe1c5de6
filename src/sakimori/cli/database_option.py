"""``--database URL``: for the whole program, and for commands that are run as services of their own."""

import os

import click

from sakimori.core import InputError


def _use(_context: click.Context, _option: click.Parameter, url: str | None) -> None:
    if url:
        from sakimori.store.database import holds_password

        # Every user of a machine can read the arguments of its processes.
        if holds_password(url):
            raise InputError("--database holds a password: put it in PGPASSFILE, or the whole URL in SAKIMORI_DATABASE")
        os.environ["SAKIMORI_DATABASE"] = url


database_option = click.option(
    "--database",
    metavar="URL",
    callback=_use,
    expose_value=False,
    help="Where to keep things, in place of SAKIMORI_DATABASE; without password.",
)
