"""The option that services have in common: where operators look at them."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import click

from sakimori.observe import Readiness
from sakimori.observe.admin import ListenAddress, listening


class Address(click.ParamType[ListenAddress]):
    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ListenAddress:
        return value if isinstance(value, ListenAddress) else ListenAddress.parse(value)


def admin_listen(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--admin-listen``: an address for ``serving_admin``."""
    told = "Serve /healthz, /readyz and /metrics there, such as 127.0.0.1:9464, apart from the service's own port."
    return click.option("--admin-listen", type=Address(), help=told)(command)


@asynccontextmanager
async def serving_admin(address: ListenAddress | None, readiness: Readiness) -> AsyncGenerator[None]:
    """Serve the admin surface beside what the ``with`` does, if an address was given.

    Raises:
        SakimoriError: it cannot be listened on.
    """
    if address is None:
        yield
        return
    async with listening(address, readiness) as at:
        click.echo(f"Admin surface on http://{at}: /healthz, /readyz, /metrics.")
        yield
