"""Texts that are JSON: their strings seen without escapes, and put back with them (RFC 8259)."""

import json
import re
from collections.abc import Callable
from typing import cast

_PART = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+\-]*|[{}\[\]]')
_MEMBER_FOLLOWS = re.compile(r"\s*:")


def is_json_text(text: str) -> bool:
    """Whether the whole text is one JSON object or array."""
    bare = text.strip(" \t\r\n")
    if not (bare[:1] in ("{", "[") and bare[-1:] in ("}", "]")):
        return False
    try:
        # As lenient as readers are (NaN, lone surrogates); numbers may be of any length, since they stay as written.
        json.loads(bare, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return False
    return True


def map_strings(text: str, change: Callable[[str, str | None], str]) -> str:
    """Change the strings and numbers of a JSON text and keep everything else, white space included.

    ``change`` gets the text of the value and the name of the member it belongs to (also through arrays; None for a name
    itself). What it leaves equal keeps its spelling; a number that it changes becomes a string; a string that was
    written in ASCII stays so.
    """
    pieces: list[str] = []
    position = 0
    names: list[str] = []
    name = ""
    for part in _PART.finditer(text):
        raw = part[0]
        if raw in "{[":
            names.append(name)
        elif raw in "}]":
            name = names.pop()
        else:
            value = cast("str", json.loads(raw)) if raw[0] == '"' else raw
            is_name = raw[0] == '"' and _MEMBER_FOLLOWS.match(text, part.end()) is not None
            if is_name:
                name = value
            changed = change(value, None if is_name else name)
            if changed != value:
                encoded = json.dumps(changed, ensure_ascii=raw.isascii())
                pieces += (text[position : part.start()], encoded)
                position = part.end()
    pieces.append(text[position:])
    return "".join(pieces)
