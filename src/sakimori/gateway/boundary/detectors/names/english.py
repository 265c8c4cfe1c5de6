"""Names in English and other Latin text: what begins with a capital and is no known word, and what stands with it.

A common word with a capital is no name by itself: "Bank" is none, "Persint Bank" is one. Words of programs (CamelCase
of known words, parts of paths and file names, words with digits) are not looked at. Names in small letters are found
where a known given name begins them.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.capitals import LEADING, LETTER, claims_of, is_word
from sakimori.gateway.boundary.detectors.words.lexicon import English, english, listed
from sakimori.gateway.boundary.detectors.words.vocabulary import is_built
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_UPPER = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0100-\u024f\u0386-\u03ab\u0400-\u042f"
_WORD = f"[{_UPPER}][{LETTER}]*+(?:['\u2019\\-][{LETTER}]++)*"
_JOINING = (
    "van|von|der|den|de|del|della|di|da|dos|das|la|le|el|bin|ibn|al|of|and|the|y|e|ten|ter|zu|nad|pod"
    "|du|des|et|und|aux|zum|no"
)
_SEQUENCE = re.compile(
    # The class comes first, the look-behind second: so the search skips from capital to capital.
    rf"[{_UPPER}](?<![{LETTER}0-9_@/\\.\-$%#][{_UPPER}])[{LETTER}]*+(?:['\u2019\-][{LETTER}]++)*"
    rf"(?:\.?(?:,? (?:(?:{_JOINING}) ){{0,2}}|,? & ){_WORD})*"
    rf"(?![{LETTER}0-9_@\\/=]|\((?![^\x00-\x7f])|\.[a-z0-9]|-[0-9])"
)
_SMALL_WORD = re.compile("[a-z]{4,}")
"""All that ``_small`` holds is written so."""
_OCCUPATIONS = (
    r"(?:[Ee]ngineer|[Ss]cientist|[Cc]onsultant|[Cc]ontroller|[Cc]lerk|[Ss]pecialist|[Dd]irector|[Ll]ibrarian"
    r"|[Dd]istributor|[Cc]leaner|[Aa]ttendant|[Aa]ccountant|[Tt]echnician"
    r"|[Nn]urse|[Tt]eacher|[Ll]awyer|[Pp]hysician|[Dd]octor|[Aa]rchitect|[Dd]esigner|[Dd]eveloper|[Aa]nalyst"
    r"|[Mm]echanic|[Oo]perator|[Aa]ssistant|[Ss]ecretary|[Dd]river|[Cc]hef|[Cc]ook|[Ww]aiter"
    r"|[Cc]ashier|[Tt]herapist|[Pp]harmacist|[Dd]entist|[Ss]urgeon|[Pp]rogrammer|[Pp]lumber|[Ee]lectrician"
    r"|[Cc]arpenter|[Pp]ainter|[Ww]elder|[Ff]armer|[Ww]riter|[Ee]ditor|[Jj]ournalist"
    r"|[Pp]hotographer|[Cc]inematographer|[Aa]rtist|[Mm]usician|[Aa]ctor|[Ii]nspector|[Ii]nstructor|[Pp]rofessor"
    r"|[Rr]esearcher|[Ss]ecurity guard|[Ff]umigator|[Pp]ackager|[Ee]chocardiographer)"
)
_OCCUPATION = Gate(
    r"(?:(?:^|\n)[>? \t]*(?:[?]{3} )?|\bas (?:an? )?|\bis an? |work(?:s|ed"
    r"|ing)? as (?:an? )?)((?:[A-Za-z][a-z\u2019'\-]*,? (?:and )?){0,5}"
    rf"{_OCCUPATIONS})(?=,|\n|$| at | for | in )",
    needs=rf"(?:[\n>?\t ]|^){_OCCUPATIONS}(?:,|\n|$| at | for | in )",
)
_ABBREVIATED = re.compile("(?:Inc|Ltd|Corp|Co|[ ,][A-Z])$")
"""What the full stop behind it belongs to: forms of companies, initials."""
_PLACED = re.compile(r"(?:^|[^a-z])(?:in|from|near|of|at|(?:flew|moved|travel|travelled|returned|went|trip|came) to) $")
_TITLE = Gate(r"(?<![A-Za-z])(?:Mr|Mrs|Ms|Dr|Prof)\.(?= )|(?<![A-Za-z])(?:Mr|Mrs|Ms|Miss|Dr|Prof)(?= [A-Z])")
_WORKS_FOR = Gate(
    rf"\b(?:[Ww]ork(?:s|ed|ing)? (?:for|at)|[Ee]mployed (?:by|at)|(?:is|am|are|was) from|calling from|employer is"
    rf"|company is)\s{{1,3}}"
    rf"((?:[{_UPPER}0-9][{LETTER}0-9'&.\-]*(?:,? (?:and |& |of )?(?=[{_UPPER}0-9]))?){{1,6}})"
)
_CALLED = Gate(
    rf"(?:\b(?:[Nn]ame is|[Nn]ame'?s|[Ii] am|I'm|[Cc]all me|called|[Nn]amed|[Dd]ear|[Hh]i|[Hh]ello|[Rr]egards,"
    rf"|[Ss]incerely,|[Tt]hanks,|[Ss]igned)[ \n]{{1,3}}|name\? |name on the account\? (?:User: )?)"
    rf"({_WORD}(?: {_WORD}\.?){{0,3}})"
)
_LEGAL_FORMS = (
    r"(?:Pte\.? Ltd\.?|Pty\.? Ltd\.?|Sdn\.? Bhd\.?|Co\.?, ?Ltd\.?|S\.A\.(?: de C\.V\.)?|S\.p\.A\.|S\.r\.l\.|S\.L\."
    r"|SA de CV|S\.A\.S\.|S\.à r\.l\.|Sp\. z o\.o\.|a\.s\.|B\.V\.|N\.V\.|K\.K\.|GmbH(?: & Co\.? KG)?"
    r"|LLC|LLP|PLC|Ltd\.?|Inc\.?|Limited|Corp\.?|AG|AB|AS|ASA|KK|Oyj?|A/S|ApS)"
)
_LEGAL_FORM = Gate(
    rf"((?:[{_UPPER}][{LETTER}0-9'&.\-]* (?:(?:and|&|of|de|y|e|und|et) )?){{1,5}},? ?"
    rf"{_LEGAL_FORMS})(?![A-Za-z])",
    needs=rf"[ ,]{_LEGAL_FORMS}(?:[^A-Za-z]|$)",
)
_MONTHS = listed(
    "january february march april may june july august september october november december jan feb mar apr jun jul aug"
    " sep sept oct nov dec"
)
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY_IN_WORDS = Gate(
    r"(?<![a-z])(?:the )?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    r"|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|twenty[ \-][a-z]{4,7}"
    rf"|thirtieth|thirty[ \-]first)(?: day)? of (?:{_MONTH})(?: in)?(?: the year)?,? "
    r"(?:(?:19|20)[0-9]{2}|nineteen[ \-][a-z]{3,9}(?:[ \-][a-z]{3,5})?|two thousand(?: and)?(?: [a-z]{3,9})?)"
    r"(?![a-z0-9])"
)
_DATED = re.compile(
    r"(?:[0-9](?:st|nd|rd|th)? (?:of )?|(?:^|[^A-Za-z])(?i:in|by|since|until|of|early|late|last|next|this|mid|on) )"
    rf"(?i:{_MONTH})(?![A-Za-z])|(?i:{_MONTH})\.?,? {{1,2}}[0-9]"
)
_BEFORE_NAME = re.compile(
    r"(?<![\w.'\-])(?:[A-Za-z]\. |(?:van|von|de|del|della|di|da|dos|du|le|VAN|VON|DER|DE|DEL|LE) "
    r"|A (?=[A-Z] )|[B-HJ-Z] ){1,3}$"
)
"""Initials and particles of family names, which stand before what is known of a name."""
_OF_PLACE = re.compile(r" (?:[Ss]tation|[Aa]irport|[Tt]erminal(?: [1-9])?|T[1-5])(?![A-Za-z0-9])")
_SURNAME_FIRST = Gate(
    r"(?<![A-Za-z0-9/_.\-])([A-Z]{4,20})/([A-Z]{1,20})(?: (?:MR|MRS|MS|MISS|MSTR|DR))?(?![A-Za-z0-9/_.\-])"
)
"""As tickets and the magnetic stripes of cards have names."""
_SUBJECT = Gate(r"[/,(] ?(O|ST|L)=([A-Z][^/,\n\"=]{1,39})(?=[/,\n\")]|$)")
"""Parts of distinguished names (RFC 4514) that say who and where."""
_IN_PATH = Gate(rf"[/\\_]((?:[{_UPPER}][{LETTER}]{{1,20}} ){{1,3}}[{_UPPER}][{LETTER}]{{1,20}})(?=[/\\._])")
"""Folders and files that are called by somebody's name of several words."""
_ELEMENT = Gate(
    r"<(?:[A-Za-z0-9]{1,8}:)?(Nm|TwnNm|StrtNm|AdrLine|BldgNm|CtrySubDvsn|TwnLctnNm|DstrctNm)>([^<\n]{2,70})(?=</)"
)
"""Names and addresses in messages of ISO 20022."""
_ELEMENTS = {
    "Nm": Kind.NAME,
    **dict.fromkeys(("TwnNm", "TwnLctnNm", "DstrctNm", "CtrySubDvsn"), Kind.PLACE),
}
"""Others are parts of addresses."""
_PASSPORT = Gate(r"P[A-Z<][A-Z<]{3}([A-Z]{1,30}(?:<[A-Z]{1,30}){0,3}<<[A-Z]{1,30}(?:<[A-Z]{1,30}){0,3})")
"""The name in a passport's machine readable zone (ICAO 9303)."""
_OF = Gate(
    rf"(?<![A-Za-z])((?:[{_UPPER}][{LETTER}'\-]+ ){{0,3}}"
    r"(?:City|Town|Village|Prefecture|Port|University|Consulate|Embassy|Court|Ministry|Diocese|County|Chamber|Aid|Sons|House|Bank|Kingdom|Society|Institute|Museum|Church|Friends"
    r"|CITY|TOWN|PORT|UNIVERSITY|CONSULATE|EMBASSY|COURT|MINISTRY|BANK|CHURCH|SOCIETY|INSTITUTE)"
    rf" (?:of|OF) (?:the |THE )?[{_UPPER}][{LETTER}'\-]+(?: (?:in|and|of|IN|AND|OF) [{_UPPER}][{LETTER}'\-]+)?)"
)
_SIGNED = Gate(r"[ \n]-([A-Z][a-z]{2,14})(?=\n|$)")
_SPELLED = Gate(r"(?<![A-Za-z\-])[A-Z](?:-[A-Z]){3,24}(?![A-Za-z\-])")
_BRANCH = Gate(
    rf"((?:[{_UPPER}][{LETTER}'\-]+ ){{1,3}})"
    r"(?:[Bb]ranch|(?:Main|Head|Central|Sub|Regional|Business|Representative) (?:Office|Branch|Cent(?:er|re)))(?![a-z])"
)


def detect_english_names(folded: Folded) -> Iterator[Hit]:
    cased = folded.cased
    lexicon = english()
    yield from _capitalised(folded)
    for pattern, kind in ((_WORKS_FOR, Kind.ORG), (_CALLED, Kind.PERSON)):
        for match in pattern.finditer(cased):
            words = [word.lower().strip(".") for word in match[1].split()]
            if kind is Kind.ORG or any(not is_word(word, lexicon) or word in lexicon.surnames for word in words):
                end = match.end(1) - (match[1][-1] in ". ")
                yield Hit(match.start(1), end, kind, "name-en", folded.text[match.start(1) : end])
    for match in _LEGAL_FORM.finditer(cased):
        if not _opens_with_word(match[1], lexicon):
            yield Hit(match.start(), match.end(), Kind.ORG, "name-en", folded.text[match.start() : match.end()])
    for match in _SURNAME_FIRST.finditer(cased):
        surname, given = match[1].lower(), match[2].lower()
        if not is_built(surname) and (len(given) == 1 or not is_built(given)):
            yield Hit(match.start(), match.end(), Kind.PERSON, "name-en", surname + given)
    for match in _SUBJECT.finditer(cased):
        yield Hit(*match.span(2), Kind.ORG if match[1] == "O" else Kind.PLACE, "subject", match[2].lower())
    for match in _IN_PATH.finditer(cased):
        if any(kind is not Kind.PLACE for *_, kind in claims_of(match[1], opens=False)):
            yield Hit(*match.span(1), Kind.NAME, "name-en", match[1].lower())
    for match in _SIGNED.finditer(cased):
        if not is_word(match[1].lower(), lexicon):
            yield Hit(*match.span(1), Kind.PERSON, "name-en", match[1].lower())
    for match in _ELEMENT.finditer(cased):
        yield Hit(*match.span(2), _ELEMENTS.get(match[1], Kind.ADDRESS), "name-en", match[2].lower())
    for match in _PASSPORT.finditer(cased):
        yield Hit(*match.span(1), Kind.PERSON, "name-en", match[1].lower())
    for match in _OF.finditer(cased):
        if not is_word(match[1].split()[-1].lower(), lexicon):
            yield Hit(*match.span(1), Kind.ORG, "name-en", match[1].lower())
    for match in _SPELLED.finditer(cased):
        yield Hit(*match.span(), Kind.NAME, "name-en", match[0].replace("-", "").lower())
    for match in _BRANCH.finditer(cased):
        if any(not is_word(word.lower(), lexicon) for word in match[1].split()):
            yield Hit(match.start(), match.end(), Kind.BRANCH, "branch-name", folded.text[match.start() : match.end()])
    for match in _OCCUPATION.finditer(cased):
        yield Hit(match.start(1), match.end(1), Kind.TITLE, "occupation", match[1].lower())
    for match in _TITLE.finditer(cased):
        yield Hit(match.start(), match.end(), Kind.TITLE, "honorific", match[0].lower())
    for match in _DAY_IN_WORDS.finditer(folded.text):
        yield Hit(match.start(), match.end(), Kind.BIRTHDATE, "date-in-words", match[0])
    yield from _small_names(folded.text, cased, lexicon)


class _Said(NamedTuple):
    """What capitalised words say wherever they stand."""

    claims: tuple[tuple[int, int, Kind], ...]
    is_label: bool
    """They can be one, before a colon."""
    is_given: bool
    is_month: bool
    is_place: bool
    """They are an unknown word in capitals, which names a place behind ``in`` and the like."""


@lru_cache(16_384)
def _said(sequence: str, opens: bool) -> _Said:
    low = sequence.lower()
    lexicon = english()
    is_given = low in lexicon.given
    is_word_alone = " " not in sequence
    claims = claims_of(sequence, opens)
    if sequence.isupper() and sequence.isascii() and not any(kind is Kind.ORG for *_, kind in claims):
        claims = (*claims, *_people_in_capitals(sequence))
    return _Said(
        claims,
        is_label=opens and sequence.isascii() and is_word_alone and not is_given and not _names_by_itself(low),
        is_given=is_given,
        is_month=low in _MONTHS,
        is_place=sequence.isupper() and len(sequence) > 3 and is_word_alone and not is_word(low, lexicon),
    )


def _names_by_itself(word: str) -> bool:
    """Whether a word before a colon is no label: a family name, or unknown parts with hyphens."""
    lexicon = english()
    if word in lexicon.words or word in lexicon.terms:
        return False
    return word in lexicon.surnames or word in lexicon.syllables or (word.count("-") > 1 and not is_word(word, lexicon))


def _people_in_capitals(sequence: str) -> Iterator[tuple[int, int, Kind]]:
    """Two words and more, short ones as well, of which none is known and one is long: LE QUOC KHANH."""
    begin = end = 0
    unknown: list[str] = []
    for word in (*_IN_CAPITALS.finditer(sequence), None):
        low = word[0].strip(".,").lower() if word else ""
        if word and (
            low in english().joining or low in english().syllables or (not is_built(low) and low not in english().terms)
        ):
            begin = begin if unknown else word.start()
            end = word.end()
            unknown.append(low)
            continue
        if len(unknown) > 1 and (len(unknown) > 2 or max(map(len, unknown)) > _SHORT):
            yield begin, end, Kind.PERSON
        unknown = []


_IN_CAPITALS = re.compile(r"[A-Z'\-]+[.,]?")
_SHORT = 4


def _capitalised(folded: Folded) -> Iterator[Hit]:
    """Names among words with capitals."""
    cased = folded.cased
    for match in _SEQUENCE.finditer(cased):
        start, stop = match.span()
        said = _said(match[0], _opens_sentence(cased, start))
        if not said.claims and not said.is_place:
            continue
        if said.is_label and cased[stop : stop + 1] == ":":
            continue
        if (cased[start - 1 : start] in _OPENS_ELEMENT and not said.is_given and _is_element(cased, start, stop)) or (
            said.is_month and _DATED.search(cased[max(0, start - 8) : stop + 4])
        ):
            continue
        if said.is_place and _PLACED.search(cased[max(0, start - 16) : start]):
            yield Hit(start, stop, Kind.PLACE, "name-en", folded.text[start:stop])
        for begin, end, kind in said.claims:
            first, last = start + begin, start + end
            if kind is Kind.PLACE:
                of_place = _OF_PLACE.match(cased, last)
                last = of_place.end() if of_place else last
            elif (kind is Kind.PERSON or kind is Kind.NAME) and _may_be_of_name(cased[max(0, first - 9) : first]):
                before = _BEFORE_NAME.search(cased, max(0, first - 12), first)
                first = before.start() if before else first
            if cased[last : last + 1] == "." and _ABBREVIATED.search(cased[start:last]):
                last += 1
            yield Hit(first, last, kind, "name-en", folded.text[first:last])


_OPENS_ELEMENT = frozenset("</")


def _may_be_of_name(before: str) -> bool:
    """Whether the word in front of a name, with the space between, can be an initial or a particle."""
    word = before[:-1].rpartition(" ")[2]
    return before[-1:] == " " and (word[-1:] == "." or word[-1:].isupper() or word in _PARTICLES)


_PARTICLES = listed("van von de del della di da dos du le")


def _is_element(text: str, start: int, end: int) -> bool:
    """Whether a word is the name of an XML element."""
    return text.endswith(("<", "</"), 0, start) and text.startswith(">", end)


def _opens_with_word(text: str, lexicon: English) -> bool:
    """Whether a company's form stands after one word that is part of the sentence: "The Inc", "Use LLC"."""
    words = text.split()
    return len(words) == 2 and words[0].lower() in lexicon.words and words[0].lower() in LEADING


def _opens_sentence(text: str, start: int) -> bool:
    if text[start - 1 : start] == " " and text[start - 2 : start - 1].isalnum():
        return False
    before = text[max(0, start - 4) : start].rstrip(" \"'(\u201c\u2018[*>")
    return not before or before[-1] in ".!?:;\n\r\t|{}[]=,\u3002\u3001\uff1a"


@cache
def _small() -> frozenset[str]:
    """Given names and places that are never words, told even in small letters."""
    lexicon = english()
    single = {name for name in lexicon.places | lexicon.nationalities if name.isalpha() and len(name) >= 4}
    western = {name for name in lexicon.given if len(name) >= 4}
    single |= {f"{name}s" for name in lexicon.nationalities if name.isalpha() and len(name) >= _SHORTEST_PLURAL}
    return frozenset(name for name in single | western if _SMALL_WORD.fullmatch(name) and not is_word(name, lexicon))


_SURNAME_AFTER = re.compile(r"(?: [a-z]\.?)? (?:(?:van|von|de|der|la|di) )*([^\W\d_][^\W\d_'\-]+)")
_SHORTEST_PLURAL = 4
_NOT_BESIDE = "._/\\-@=:#%$&'\"<>{}[]"


def _small_names(text: str, cased: str, lexicon: English) -> Iterator[Hit]:
    candidates = _small().intersection(_SMALL_WORD.findall(text))
    if not candidates:
        return
    for name, start in _places_of(candidates, text):
        end = start + len(name)
        if not cased[start].islower() or text[start - 1 : start].isalnum() or text[end : end + 1].isalnum():
            continue
        if (start and text[start - 1] in _NOT_BESIDE) or (text[end : end + 1] and text[end] in "_/\\-@=#%$&<>{}[]("):
            continue
        kind = Kind.PLACE if name in lexicon.places else Kind.PERSON
        if kind is Kind.PERSON:
            surname = _SURNAME_AFTER.match(text, end)
            if surname and not is_word(surname[1], lexicon):
                end = surname.end()
        yield Hit(start, end, kind, "name-en", text[start:end])


def _places_of(words: frozenset[str], text: str) -> Iterator[tuple[str, int]]:
    for word in words:
        start = text.find(word)
        while start >= 0:
            yield word, start
            start = text.find(word, start + len(word))
