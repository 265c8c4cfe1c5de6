"""Names of people, keys and institutions, as they are typed and as they are kept."""

from typing import Any

import click

from sakimori.core import composed


class Name(click.ParamType[str]):
    """Any text, composed (NFC), so that a name is found however a keyboard writes its letters."""

    name = "NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return composed(str(value))
