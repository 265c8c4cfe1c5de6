"""Lanes: the texts of an answer that arrive in pieces, restored as they come.

A lane holds back only what could still become a token, in any spelling that a passage restores (capitals, full width,
invisible characters, a markdown backslash). However a text is cut, its lane says the same. Where the text is JSON,
values are put back escaped as the string needs in which their token stands, also in JSON within JSON.
"""

import json
import re
from collections.abc import Mapping
from typing import Protocol

from sakimori.gateway.boundary.fold import Folded, fold
from sakimori.gateway.boundary.span import Kind

_CODE = "[0-9][0-9a-hjkmnp-tv-z]{11}"
_KINDS = sorted((kind.value.lower() for kind in Kind), key=len, reverse=True)
_TOKEN = re.compile(rf"({'|'.join(_KINDS)})(\\{{0,16}}_|-)({_CODE})")
"""As ``TOKEN_LIKE``; in a JSON string each backslash of a text stands twice, in JSON within JSON four times."""
_MOST_BACKSLASHES = 2
_LONGEST_TOKEN = max(map(len, _KINDS)) + 17 + 12
_LONGEST_HELD = 4_096
"""Code points: beyond, what is held is let go as it stands. Only invisible characters can make a token so long."""
_LONGEST_OPENING = 256
_QUOTE_OR_BACKSLASHES = re.compile(r'\\+"?|"')
_OPENS_JSON = re.compile(r"(?:\s|\\+[nrt])*[{\[](?:\s|\\+[nrt]|[\[{0-9.,eE+\-]|true|false|null)*")
"""What stands before the first quote of a JSON text."""
_COULD_OPEN_JSON = re.compile(r"(?:\s|\\+[nrt]?)*(?:[{\[]|\Z)")


def _beginning_of(pieces: list[str]) -> str:
    """A pattern of whatever begins what the pieces make together, the whole left out."""
    pattern = ""
    for piece in reversed(pieces[:-1]):
        pattern = f"{piece}(?:{pattern})?" if pattern else piece
    return pattern


_CODE_PIECES = ["[0-9]", *["[0-9a-hjkmnp-tv-z]"] * 11]
_AFTER_KIND = rf"(?:\\{{1,16}}(?:_(?:{_beginning_of(_CODE_PIECES)})?)?|[_-](?:{_beginning_of(_CODE_PIECES)})?)"


def _beginnings_of_kind(kind: str) -> str:
    pattern = f"(?:{_AFTER_KIND})?"
    for letter in reversed(kind[1:]):
        pattern = f"(?:{letter}{pattern})?"
    return kind[0] + pattern


_BEGINS_TOKEN = re.compile(rf"(?:{'|'.join(map(_beginnings_of_kind, _KINDS))})\Z")
_LETTERS = frozenset("0123456789abcdefghijklmnopqrstuvwxyz-_\\")


class Restores(Protocol):
    """What a lane needs of its passage."""

    tokens: dict[str, str]
    restored: int
    invented: set[str]
