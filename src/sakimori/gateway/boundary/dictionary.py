"""The institution's dictionary: names of its hosts, users, staff and domains, matched wherever they stand.

Literals are matched all at once by Hyperscan over the folded text; a name counts where no ASCII letter or digit
touches it (Python's ``\\b`` would see a word going on beside kanji).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import re2

from sakimori.gateway.boundary.detectors.search.anchors import Anchors
from sakimori.gateway.boundary.fold import Folded, fold
from sakimori.gateway.boundary.span import Hit, Kind
from sakimori.records import Inventory

_SHORTEST_ASCII = 3
_SHORTEST_OTHER = 2
_MEANS_NOBODY = frozenset(
    {
        "administrator",
        "admin",
        "guest",
        "root",
        "system",
        "krbtgt",
        "defaultaccount",
        "wdagutilityaccount",
        "user",
        "users",
        "name",
        "type",
        "string",
        "number",
        "integer",
        "boolean",
        "object",
        "array",
        "null",
        "enum",
        "const",
        "items",
        "properties",
        "required",
        "description",
        "title",
        "default",
        "format",
        "pattern",
        "host",
        "server",
        "service",
        "test",
        "function",
        "tool",
        "assistant",
        "developer",
        "message",
        "text",
        "json",
        "localhost",
        "local",
        "example",
    }
)
"""Built-in accounts and words of every request: replacing them would hide nothing and break much."""
_HOST_WORD = re.compile(r"(?<![a-z0-9_])[a-z0-9](?:[a-z0-9_.-]{0,251}[a-z0-9])?(?![a-z0-9_])")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
_LONGEST_NAME = 253  # RFC 1035, 2.3.4


@dataclass(frozen=True, slots=True)
class Dictionary:
    hosts: frozenset[str] = frozenset()
    """Fully qualified or short names; the short form of a qualified name is matched too."""
    users: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    """Names of staff as they are written."""
    domains: frozenset[str] = frozenset()
    """DNS domains of the institution; any name beneath one is a host of it."""
    host_patterns: frozenset[str] = frozenset()
    """Small letters with ``*`` (any run of letters, digits, ``-`` and ``_``) and ``?`` (one of them)."""

    @staticmethod
    def of(inventory: Inventory | None) -> "Dictionary":
        """What the institution's own inventory and directory give; empty without one."""
        if inventory is None:
            return Dictionary()
        return Dictionary(
            hosts=frozenset(host.name for host in inventory.hosts),
            users=frozenset(account.name for account in inventory.accounts),
            people=frozenset(account.display_name for account in inventory.accounts if account.kind != "service"),
            domains=frozenset(domain for host in inventory.hosts if "." in (domain := host.name.partition(".")[2])),
        )

    def forms(self) -> Iterator[tuple[str, Kind, str]]:
        """(folded spelling, kind, canonical value): the more telling kind first where a spelling is two things."""
        for host in self.hosts:
            name = fold(host).text
            yield name, Kind.HOST, name
            yield name.partition(".")[0], Kind.HOST, name
        for domain in self.domains:
            name = fold(domain).text
            yield name, Kind.DOMAIN, name
            netbios = name.partition(".")[0]  # as in BANK\tanaka
            yield netbios, Kind.DOMAIN, netbios
        for user in self.users:
            yield fold(user).text, Kind.USER, fold(user).text
        for person in self.people:
            name = fold(person).text
            for spelling in {name, name.replace(" ", "")}:
                yield spelling, Kind.PERSON, name


class DictionaryDetector:
    """Finds a dictionary's names in folded text. Safe to use from several threads."""

    def __init__(self, dictionary: Dictionary) -> None:
        known: dict[str, tuple[Kind, str]] = {}
        for form, kind, value in sorted(set(dictionary.forms()), key=lambda form: (list(Kind).index(form[1]), form)):
            shortest = _SHORTEST_ASCII if form.isascii() else _SHORTEST_OTHER
            if len(form) >= shortest and form not in _MEANS_NOBODY and not form.isspace():
                known.setdefault(form, (kind, value))
        self._meanings = list(known.values())
        self._anchors = Anchors(list(known)) if known else None
        self._pattern = _host_pattern(dictionary.host_patterns) if dictionary.host_patterns else None

    def __call__(self, folded: Folded) -> Iterator[Hit]:
        text = folded.text
        for start, end, number in self._anchors.find(text) if self._anchors else ():
            if not _free_standing(text, start, end):
                continue
            kind, value = self._meanings[number]
            if kind is Kind.DOMAIN and (first := _first_label(text, start)) < start:
                yield Hit(first, end, Kind.HOST, "dictionary", text[first:end])
            else:
                yield Hit(start, end, kind, "dictionary", value)
        if self._pattern is not None:
            for word in _HOST_WORD.finditer(text):
                if self._pattern.fullmatch(word[0]):
                    yield Hit(*word.span(), Kind.HOST, "dictionary", word[0])


def _host_pattern(patterns: Iterable[str]) -> Any:
    """One expression for all, in linear time whatever the patterns are."""
    options = re2.Options()
    options.log_errors = False
    each = (
        re.escape(pattern).replace(r"\*", "[a-z0-9_-]*").replace(r"\?", "[a-z0-9_-]") for pattern in sorted(patterns)
    )
    return re2.compile("|".join(each), options)


def _free_standing(text: str, start: int, end: int) -> bool:
    return not (text[end - 1] in _LETTERS and text[end : end + 1] in _LETTERS) and not (
        text[start] in _LETTERS and text[start - 1 : start] in _LETTERS and not _is_escape(text, start)
    )


def _is_escape(text: str, start: int) -> bool:
    """Whether the letter before ``start`` belongs to an escape such as the n of ``\\n`` in JSON within a text."""
    return text[start - 1] in "nrtbf" and text[start - 2 : start - 1] == "\\"


def _first_label(text: str, start: int) -> int:
    if text[start - 1 : start] != ".":
        return start
    first = start
    while first > 0 and start - first < _LONGEST_NAME and text[first - 1] in _LABEL:
        first -= 1
    while text[first] in "._-" and first < start:
        first += 1
    return first
