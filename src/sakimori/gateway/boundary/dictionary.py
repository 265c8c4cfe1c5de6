"""The institution's dictionary: names of its hosts, users, staff and domains, matched wherever they stand.

Literals are matched all at once by Hyperscan over the folded text; a name counts where no ASCII letter or digit
touches it (Python's ``\\b`` would see a word going on beside kanji).
"""

import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import hyperscan
import re2

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
        self._forms = [(form, len(form), kind, value) for form, (kind, value) in known.items()]
        self._database = _compile([form for form, *_ in self._forms]) if known else None
        self._local = threading.local()
        self._pattern = _host_pattern(dictionary.host_patterns) if dictionary.host_patterns else None

    def __call__(self, folded: Folded) -> Iterator[Hit]:
        text = folded.text
        for number, end in self._ends(text):
            _, length, kind, value = self._forms[number]
            start = end - length
            if not _free_standing(text, start, end):
                continue
            if kind is Kind.DOMAIN and (first := _first_label(text, start)) < start:
                yield Hit(first, end, Kind.HOST, "dictionary", text[first:end])
            else:
                yield Hit(start, end, kind, "dictionary", value)
        if self._pattern is not None:
            for word in _HOST_WORD.finditer(text):
                if self._pattern.fullmatch(word[0]):
                    yield Hit(*word.span(), Kind.HOST, "dictionary", word[0])

    def _ends(self, text: str) -> Iterable[tuple[int, int]]:
        """(number of the form, offset of its end in code points), in order of the end."""
        if self._database is None:
            return []
        data = text.encode("utf-8", "surrogatepass")
        found: list[tuple[int, int]] = []

        def note(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append((end, number))

        self._database.scan(data, match_event_handler=note, scratch=self._scratch())
        found.sort()
        if len(data) == len(text):
            return [(number, end) for end, number in found]
        return list(_code_points(data, found))

    def _scratch(self) -> hyperscan.Scratch:
        """Hyperscan wants one per thread."""
        scratch: hyperscan.Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        return scratch


def _host_pattern(patterns: Iterable[str]) -> Any:
    """One expression for all, in linear time whatever the patterns are."""
    options = re2.Options()
    options.log_errors = False
    each = (
        re.escape(pattern).replace(r"\*", "[a-z0-9_-]*").replace(r"\?", "[a-z0-9_-]") for pattern in sorted(patterns)
    )
    return re2.compile("|".join(each), options)


def _compile(forms: list[str]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    literals = [form.encode("utf-8", "surrogatepass") for form in forms]
    database.compile(
        expressions=literals, ids=list(range(len(literals))), elements=len(literals), flags=0, literal=True
    )
    return database


def _code_points(data: bytes, ends: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    byte, point = 0, 0
    for end, number in ends:
        point += len(data[byte:end].decode("utf-8", "surrogatepass"))
        byte = end
        yield number, point


def _free_standing(text: str, start: int, end: int) -> bool:
    return not (_word(text[end - 1]) and _word(text[end : end + 1])) and not (
        _word(text[start]) and _word(text[start - 1 : start]) and not _is_escape(text, start)
    )


def _word(character: str) -> bool:
    return character.isascii() and character.isalnum()


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
