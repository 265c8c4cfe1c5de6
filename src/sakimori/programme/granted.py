"""The members of a grant in a grants file."""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

import yaml

from sakimori.core import Nanos, composed, parse_rfc3339
from sakimori.core.nodes import Reader, shown
from sakimori.records import CyberAccess, DataClass, Grant, GrantState, HostedTool, Limit, Media, Requirements, Window

MOST_YEN = 10**12
MOST_TOKENS = 10**15
MOST_REQUESTS = 10**9
MOST_AT_A_TIME = 100_000
_MOST_DAYS = 36_500
_COUNTRY = re.compile("[A-Z]{2}")
_REQUIRED = ("name", "models", "purposes", "limits", "from", "until")
_OPTIONAL = ("data", "concurrency", "cyber", "hosted_tools", "media", "requires")

W = TypeVar("W", bound=StrEnum)


def read_grant(
    reader: Reader, node: yaml.Node, what: str, institution: str, note: Callable[[yaml.Node, str], None]
) -> Grant | None:
    """A grant that the authority makes, to be proved by a call; None where it cannot be read, which was noted.

    Args:
        note: is told of the name and where it stands.
    """
    members = reader.members(node, what, _REQUIRED, _OPTIONAL)
    if members is None:
        return None
    name = reader.text(members["name"], "the name of a grant")
    if name is not None:
        note(members["name"], composed(name))
    models = reader.items(members["models"], "a model", reader.text)
    purposes = reader.items(members["purposes"], "a purpose", reader.text)
    limits = _limits(reader, members["limits"])
    for member, found in (("models", models), ("purposes", purposes), ("limits", limits)):
        if not found:
            reader.mistake(members[member], f"a grant needs at least one of its {member}")
    begins, ends = _moment(reader, members["from"], "from"), _moment(reader, members["until"], "until")
    if begins is not None and ends is not None and begins >= ends:
        reader.mistake(members["until"], "a grant must end after it begins")
    concurrency = None
    if "concurrency" in members:
        concurrency = reader.number(members["concurrency"], "concurrency", 1, MOST_AT_A_TIME)
    cyber = CyberAccess.STANDARD
    if "cyber" in members:
        cyber = _word(reader, members["cyber"], "level of cyber access", CyberAccess) or cyber
    made = Grant(
        id=composed(name or ""),
        tenant=institution,
        state=GrantState.PROVISIONED,
        models=models,
        purposes=purposes,
        data_classes=_words(reader, members.get("data"), "class of data", DataClass) or (DataClass.STRUCTURED,),
        limits=limits,
        not_before=begins or 0,
        not_after=ends or 0,
        concurrency=concurrency,
        cyber=cyber,
        hosted_tools=_words(reader, members.get("hosted_tools"), "hosted tool", HostedTool),
        media=_words(reader, members.get("media"), "kind of media", Media),
        requires=_requirements(reader, members.get("requires")),
    )
    return None if name is None or begins is None or ends is None else made


def _limits(reader: Reader, node: yaml.Node) -> tuple[Limit, ...]:
    windows = reader.members(node, "limits", (), tuple(Window))
    return tuple(_limit(reader, windows[window], window) for window in Window if windows and window in windows)


def _limit(reader: Reader, node: yaml.Node, window: Window) -> Limit:
    members = reader.members(node, f"the limit per {window}", (), ("tokens", "requests", "yen"))
    if members is not None and not members:
        reader.mistake(node, f"the limit per {window} says nothing: give tokens, requests or yen")
    members = members or {}
    tokens = reader.number(members["tokens"], "tokens", 1, MOST_TOKENS) if "tokens" in members else None
    requests = reader.number(members["requests"], "requests", 1, MOST_REQUESTS) if "requests" in members else None
    yen = reader.decimal(members["yen"], "yen", MOST_YEN) if "yen" in members else None
    return Limit(window=window, tokens=tokens, requests=requests, yen=yen)


def _requirements(reader: Reader, node: yaml.Node | None) -> Requirements:
    names = ("stored_in", "processed_in", "retention_days")
    members = (None if node is None else reader.members(node, "requires", (), names)) or dict[str, yaml.Node]()
    days = None
    if "retention_days" in members:
        days = reader.number(members["retention_days"], "retention_days", 0, _MOST_DAYS)
    return Requirements(
        stored_in=reader.items(members.get("stored_in"), "a country", lambda n, _: _country(reader, n)),
        processed_in=reader.items(members.get("processed_in"), "a country", lambda n, _: _country(reader, n)),
        retention_days=days,
    )


def _country(reader: Reader, node: yaml.Node) -> str | None:
    text = reader.text(node, "a country")
    if text is not None and not is_country(text):
        reader.mistake(node, f"a country is two capital letters (ISO 3166-1: JP), not '{shown(text)}'")
        return None
    return text


def is_country(text: str) -> bool:
    """Whether it has the form of an ISO 3166-1 alpha-2 code."""
    return _COUNTRY.fullmatch(text) is not None


def _words(reader: Reader, node: yaml.Node | None, what: str, words: type[W]) -> tuple[W, ...]:
    article = "an" if what[0] in "aeiou" else "a"
    found = reader.items(node, f"{article} {what}", lambda n, _: _word(reader, n, what, words))
    return tuple(dict.fromkeys(found))


def _word(reader: Reader, node: yaml.Node, what: str, words: type[W]) -> W | None:
    text = reader.text(node, f"a {what}")
    if text is None:
        return None
    if text not in set(words):
        reader.mistake(node, f"there is no {what} '{shown(text)}': expected {', '.join(words)}")
        return None
    return words(text)


def _moment(reader: Reader, node: yaml.Node, what: str) -> Nanos | None:
    text = reader.text(node, what)
    if text is None:
        return None
    try:
        return parse_rfc3339(text)
    except (ValueError, OverflowError):
        reader.mistake(node, f"{what} must be a date (2026-12-01) or a time (2026-12-01T09:00:00+09:00)")
        return None
