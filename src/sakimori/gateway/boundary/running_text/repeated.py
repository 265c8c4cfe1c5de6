"""Names that were found once in a text, wherever else they stand in it.

Family names of people named in full; machines, with their domain and without; accounts, also those of mail addresses;
and the domains of mail addresses.
"""

import re
from collections.abc import Iterable, Iterator

from sakimori.gateway.boundary.detectors.words.lexicon import english, japanese, listed
from sakimori.gateway.boundary.detectors.words.vocabulary import is_built
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_MOST = 300
"""Names that are looked for in one text: each costs a pass over it."""
_PARTS = re.compile(r"[^\s・=,.]+")
_KANJI = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff々]{2,}")
_KATAKANA = re.compile(r"[ァ-ヴー]{3,}")
_RUN = re.compile(r"[a-z0-9]+(?:[._\-]+[a-z0-9]+)*")
_KINDS = frozenset({Kind.HOST, Kind.USER, Kind.DOMAIN, Kind.MAIL})
_SHORTEST = 4
_ADDRESS = re.compile(r"[0-9.]+$|s-1-")
_ENDS_FILE = re.compile(r"(?:^|\.)(?:[a-z][a-z0-9]{1,3}|json|yaml|toml|conf|html)$")
_PUBLIC = listed(
    "gmail.com yahoo.com yahoo.co.jp outlook.com outlook.jp hotmail.com hotmail.co.jp icloud.com me.com docomo.ne.jp"
    " ezweb.ne.jp au.com softbank.ne.jp i.softbank.jp live.com live.jp msn.com nifty.com proton.me protonmail.com"
)
"""Of mail that anybody may have."""
_LATIN = re.compile(r"[^\W\d_]{4,}")


def detect_repeated(folded: Folded, claims: Iterable[Hit]) -> Iterator[Hit]:
    """``claims``: what others found in the text."""
    people = dict.fromkeys(
        part for hit in claims if hit.kind is Kind.PERSON for part in _parts(folded.text[hit.start : hit.end])
    )
    for name in list(people)[:_MOST]:
        start = folded.text.find(name)
        while start >= 0:
            end = start + len(name)
            if not name.isascii() or _stands_alone(folded, start, end):
                yield Hit(start, end, Kind.PERSON, "repeated", name)
            start = folded.text.find(name, end)
    yield from _machines(folded, claims)


def _machines(folded: Folded, claims: Iterable[Hit]) -> Iterator[Hit]:
    """Machines and accounts: one pass over the runs of a text, however many are looked for."""
    text = folded.text
    known: dict[str, Kind] = {}
    for hit in claims:
        if hit.kind in _KINDS:
            for name, kind in _names_of(text[hit.start : hit.end], hit.kind):
                known.setdefault(name, kind)
    if not known:
        return
    for run in _RUN.finditer(text):
        whole = run[0].rstrip(".-_")
        if whole in known:
            yield Hit(run.start(), run.start() + len(whole), known[whole], "repeated", whole)
            continue
        first, _, rest = whole.partition(".")
        if rest and first in known and (rest in known or not _ENDS_FILE.search(rest)):
            yield Hit(run.start(), run.start() + len(whole), known[first], "repeated", whole)
        else:
            while rest and rest not in known:
                rest = rest.partition(".")[2]
            if "." in rest:
                yield Hit(run.start(), run.start() + len(whole), Kind.HOST, "repeated", whole)


def _names_of(found: str, kind: Kind) -> Iterator[tuple[str, Kind]]:
    """What of a machine, an account or an address of mail may stand alone elsewhere; no known words."""
    local, sign, domain = found.rpartition("@")
    if sign and "." in domain and domain not in _PUBLIC:
        yield domain, Kind.DOMAIN
    names = [local] if sign else [found, found.partition(".")[0]]
    for name in names:
        if len(name) >= _SHORTEST and not is_built(name) and not name.isdigit() and not _ADDRESS.match(name):
            yield name, Kind.USER if sign else kind


def _parts(person: str) -> Iterator[str]:
    for part in _PARTS.findall(person):
        if _KANJI.fullmatch(part):
            if surname := _surname(part):
                yield surname
        elif _KATAKANA.fullmatch(part):
            if part not in japanese().katakana_words:
                yield part
        elif _LATIN.fullmatch(part) and part not in english().words:
            yield part


def _surname(person: str) -> str | None:
    """What a name in kanji begins with, where that is a family name of two characters or more."""
    sizes = range(min(4, len(person)), 1, -1)
    return next((person[:size] for size in sizes if person[:size] in japanese().surnames), None)


def _stands_alone(folded: Folded, start: int, end: int) -> bool:
    text = folded.text
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() and before.isascii()) and not (after.isalnum() and after.isascii())
