"""``--reason``: why something was taken away for good, for whoever reads the ledger later."""

from collections.abc import Callable
from typing import Any

import click

from sakimori.core import InputError

_LONGEST = 500


def reason_option(told: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Demand a reason that can be read on one line; ``told``: what it is for."""
    return click.option("--reason", required=True, callback=_readable, help=told)


def _readable(_context: click.Context, _option: click.Parameter, reason: str) -> str:
    if not reason.strip() or not reason.isprintable() or len(reason) > _LONGEST:
        raise InputError(f"--reason needs 1 to {_LONGEST} printable characters that say why")
    return reason
