"""Which rules a command uses, and an institution's own values for them: options that several commands share."""

import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from sakimori.core import plain
from sakimori.detect import Placeholders, read_placeholders
from sakimori.detect.sigma.selection import STATUSES
from sakimori.records import Severity

T = TypeVar("T")

_SHOWN = 100


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """See ``SigmaDetector.load``."""

    placeholders: Placeholders | None
    min_level: Severity | None
    statuses: Collection[str] | None


def _read(_context: click.Context, _option: click.Parameter, path: Path | None) -> Placeholders | None:
    return None if path is None else read_placeholders(path)


placeholders_option = click.option(
    "--placeholders",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=_read,
    help="YAML file with your values for 'expand': each name with its list.",
)
_min_level_option = click.option(
    "--min-level",
    type=click.Choice([severity.label for severity in Severity]),
    help="Only rules of this level and above; rules without level are medium.",
)
_status_option = click.option(
    "--status",
    "statuses",
    type=click.Choice(STATUSES),
    multiple=True,
    help="Only rules of this status, or without any; may be repeated.",
)


def choosing_rules(command: Callable[..., T]) -> Callable[..., T]:
    """Give a command the options; it gets what was chosen as ``choice``."""

    @placeholders_option
    @_min_level_option
    @_status_option
    @functools.wraps(command)
    def chosen(placeholders: Placeholders | None, min_level: str | None, statuses: tuple[str, ...], **others: Any) -> T:
        level = None if min_level is None else Severity[min_level.upper()]
        return command(choice=RuleChoice(placeholders, level, statuses or None), **others)

    return chosen


def percent(names: Iterable[str]) -> str:
    """Placeholders as rules write them, on one line."""
    return ", ".join(f"%{plain(name)}%" for name in names)


def placeholder_advice(waiting: Mapping[str, int]) -> str:
    """How to give values. ``waiting``: placeholder → how many rules wait for it."""
    lines = [
        f"  {plain(name)}: [value, …]    # for {count:,} rule{'s' if count > 1 else ''}"
        for name, count in sorted(waiting.items())
    ]
    if len(lines) > _SHOWN:
        lines = [*lines[:_SHOWN], f"  … and {len(lines) - _SHOWN:,} more"]
    return "\n".join(["Give values in a YAML file with --placeholders FILE; an empty list means nobody:", *lines])
