"""What capitalised words say that stand in a row: who or where, or only what.

A word that no list knows is a name. So are common words with capitals of which any is not one that terms, titles and
headings are made of: "Silver Birch Logistics" names somebody, "Access Control Policy" nobody.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from sakimori.gateway.boundary.detectors.words.lexicon import English, english, listed
from sakimori.gateway.boundary.span import Kind

_COMMON = ("word", "term", "capitals")
_OPENING = listed("may will an do so he to in")
"""Words that are names as well, and seldom are where a sentence begins."""
_OF_SENTENCES = listed(
    "is are was were be been has have had will may must shall should can not this that it you your we our they to by"
    " for from if when where no do does did on"
)
"""Words that tell a sentence in capitals from a name."""
LETTER = "A-Za-z\u00c0-\u024f\u1e00-\u1eff\u0370-\u03ff\u0400-\u04ff"
_PIECE = re.compile(rf"[{LETTER}][{LETTER}'\u2019\-]*\.?")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+")
_COMPANY = listed(
    "inc incorporated ltd limited llc llp plc corp corporation co company gmbh ag kg kgaa sa sarl srl spa bv nv"
    " ab asa oy oyj as aps pty bhd sdn kk gk yk kabushiki kaisha godo fze fzco fzc dmcc pvt pte ltda eirl sas tbk"
    " ooo zao jsc pjsc ojsc kft zrt doo dd ead aktiebolag holdings holding group partners bank bancorp trust"
    " capital securities insurance assurance university college institute hospital foundation association union"
    " technologies technology systems solutions software industries laboratories labs consulting associates"
    " ventures"
)
_TRADES = listed(
    "trading trade services service finance financial investments investment banking management properties"
    " property developments development logistics shipping marine foods hotels motors homes farms clinic practice"
    " pharmacy school academy agency bureau council society club centre center network media international global"
    " enterprises enterprise products works brothers sons analytics security communications energy resources"
    " engineering design studio studios construction transport travel leasing lease credit exchange payments fund"
    " funds mining support staffing cyber vaulting hoa police court mgmt bakery drug drugs bus express office"
    " garage salon cafe kitchen dental veterinary law legal realty freight cargo airways airlines rail railway"
    " steel chemical chemicals pharma biotech labs robotics auto apparel textile textiles brewery winery hardware"
    " stationery supply supplies store stores market mart shop outfitters catering fitness gym theatre theater"
    " museum church temple embassy consulate ministry authority commission chamber federation league cooperative"
    " coop plumbing roofing paving landscaping cleaning laundry tours cruises lines yachts aviation aerospace"
    " semiconductor electronics optics glass ceramics paper printing press publishing books records pictures films"
    " games toys jewelers jewellery watches optical nursery gardens orchards vineyards ranch dairy fisheries"
    " seafood meats produce grain timber lumber cement concrete quarry metals alloys tooling forge castings"
    " plastics rubber paints coatings adhesives packaging import export imports exports trustees savings house tea"
    " pension pensions assets valve valves custody body tavern mutual life linen signal pumps fasteners boilers"
    " elevator elevators tyres tires marina dock docks"
)
"""Last words of organisations' names that terms have as well."""
_FIRMS = listed(
    "staffing lease leasing foods motors bakery brewery winery airlines airways realty pharma biotech robotics"
    " textiles vaulting outfitters catering jewelers jewellery vineyards orchards fisheries seafood lumber shinkin"
    " bancorp mfg kogyo sangyo shoji bussan denki kensetsu fudosan unyu unso suisan shokuhin seiko kinzoku kagaku"
    " seiyaku jidosha kaihatsu kosan shokai shoten komuten seisakusho seikosho tekko soko kaiun kisen boeki jutaku"
    " giken kiko denshi tsushin insatsu shoseki yakuhin iryo hoken shoken shintaku ginko nokyo gyokyo seikyo sushi"
    " ramen izakaya udon soba yakitori onsen ryokan"
)
"""Last words that nothing but a firm's name has."""
_HONORIFICS = listed(
    "mr mrs ms miss mx dr prof professor sir madam lord lady rev reverend hon capt captain sgt lt col"
    " gen sen rep judge officer"
)
_TITLES_OF_PEOPLE = listed("Mr Mrs Ms Miss Dr")
LEADING = listed(
    "the a an this that my our your his her their its i we you he she they it and or but for from to in"
    " on at by with as"
)
_SURNAMES_OF_NOBODY = listed("i a the")
_ENDINGS = ("s", "es", "ed", "d", "ing", "ly", "er", "ers", "ness", "'s", "\u2019s", "al", "able")


@lru_cache(16_384)
def claims_of(sequence: str, opens: bool) -> tuple[tuple[int, int, Kind], ...]:
    """(start, end, kind) of names in a sequence.

    ``opens``: a sentence begins with the sequence, so that its first capital tells little.
    """
    lexicon = english()
    claims: list[tuple[int, int, Kind]] = []
    for first, last in _parts(sequence):
        words = [(m.start(), m.end(), m[0]) for m in _PIECE.finditer(sequence, first, last)]
        known = [_what(word) for *_, word in words]
        _add_places(sequence, words, lexicon, claims)
        bounds = _named_by_words(words, known, lexicon) or _named(words, known, lexicon, opens=opens and first == 0)
        if bounds is None:
            claims.extend(
                (words[begin][0], words[end - 1][1], Kind.NAME) for begin, end in _strange_capitals(words, known)
            )
            continue
        begin, end = bounds
        part = known[begin:end]
        start, stop = words[begin][0], words[end - 1][1]
        if sequence[stop - 1] == ".":
            stop -= len(words[end - 1][2]) > 2 and part[-1] != "company"
        claims.append((start, stop, _kind(sequence[start:stop], part, words[begin:end], lexicon)))
    return tuple(claims)


def _named_by_words(words: list[tuple[int, int, str]], known: list[str], lexicon: English) -> tuple[int, int] | None:
    """First and last word, exclusive, of common words that name somebody together."""
    begin, end = 0, len(words)
    while begin < end and (known[begin] in ("honorific", "small") or words[begin][2].lower() in LEADING):
        begin += 1
    while end > begin and known[end - 1] == "small":
        end -= 1
    part = known[begin:end]
    capitals = sum(what != "small" for what in part)
    strange = sum(what in ("capitals", "initial", "company", "ambiguous") for what in part)
    last = words[end - 1][2].lower()
    if capitals >= 2 and last in _FIRMS:
        return begin, end
    if capitals < 2 or not ("word" in part or ("capitals" in part and (strange > 1 or last in _TRADES))):
        return None
    if words[begin][2].isupper() and any(word.isupper() and word.lower() in _OF_SENTENCES for *_, word in words):
        return None
    if part[0] == "ambiguous" and words[begin][2].lower() in lexicon.given and capitals == 2:
        return None
    return begin, end


def _strange_capitals(words: list[tuple[int, int, str]], known: list[str]) -> Iterator[tuple[int, int]]:
    """Two words and more that no list holds, in a sentence of capitals: people, as payment messages have them."""
    begin = 0
    while begin < len(words):
        end = begin
        while end < len(words) and known[end] == "capitals":
            end += 1
        if end - begin > 1:
            yield begin, end
        begin = end + 1


def _named(
    words: list[tuple[int, int, str]], known: list[str], lexicon: English, *, opens: bool
) -> tuple[int, int] | None:
    """First and last word, exclusive, of a name that some word of its own tells."""
    if known and known[0] == "ambiguous" and words[0][2].lower() in _OPENING:
        known[0] = "word"
    if opens and known and known[0] == "ambiguous" and (len(known) == 1 or known[1] != "name"):
        known[0] = "word"
    begin, end = 0, len(words)
    is_firm = "company" in known[1:] and len(known) > 2
    while begin < end and (
        known[begin] in ("honorific", "small")
        or (
            known[begin] in _COMMON
            and (
                (begin == 0 and opens and not is_firm and known[0] != "capitals") or words[begin][2].lower() in LEADING
            )
        )
    ):
        begin += 1
    while end > begin and known[end - 1] == "small":
        end -= 1
    if 0 < begin < end and known[begin] in _COMMON and words[begin - 1][2].rstrip(".") in _TITLES_OF_PEOPLE:
        known[begin] = "name"
    part = known[begin:end]
    company = any(
        what == "company" and words[begin + number][2].lower() != "not" for number, what in enumerate(part[1:])
    )
    if "name" not in part and not (company and len(part) >= 2 and not opens) and "ambiguous" not in part:
        return None
    if "name" not in part and not company:
        # Only words that can also be names: names mid-sentence, or after Mr and the like.
        if not (begin > 0 and known[begin - 1] == "honorific") and (opens and begin == 0):
            return None
        if len(part) > 2 or any(what in _COMMON for what in part):
            return None
        if (
            begin > 0
            and known[begin - 1] == "term"
            and all(word.lower() in lexicon.terms for *_, word in words[begin:end])
        ):
            return None  # Purchase Price, Business Day
    may_say_what = (
        not company
        and not any(what in ("ambiguous", "initial") for what in part)
        and words[end - 1][2].lower() not in _TRADES
    )
    if may_say_what and part.count("term") > part.count("name") and not _is_listed(words[begin][2], lexicon):
        # Terms beside an unknown word say what it is, not who: "Webshell Process Pattern".
        while begin < end and known[begin] == "term":
            begin += 1
        while end > begin and known[end - 1] == "term":
            end -= 1
    return begin, end


def _is_listed(word: str, lexicon: English) -> bool:
    """Whether a word is a name that a list holds: terms behind it belong to it (Marunouchi Corporate II)."""
    return word.lower() in lexicon.surnames or word.lower() in lexicon.places


def _add_places(
    sequence: str, words: list[tuple[int, int, str]], lexicon: English, claims: list[tuple[int, int, Kind]]
) -> None:
    """Places and nationalities of which each word is a common one: United States, New York."""
    for begin in range(len(words)):
        for end in range(min(len(words), begin + 4), begin, -1):
            phrase = sequence[words[begin][0] : words[end - 1][1]].rstrip(".").lower()
            if phrase in lexicon.places or phrase in lexicon.nationalities:
                claims.append((words[begin][0], words[end - 1][1], Kind.PLACE))
                break


def _parts(sequence: str) -> Iterator[tuple[int, int]]:
    """Sequences end at sentence ends: a full stop after a word that is neither an initial nor an abbreviation."""
    first = 0
    for stop in re.finditer(r"\. ", sequence):
        word = sequence[first : stop.start()].rpartition(" ")[2].lower()
        if len(word) > 1 and word not in _HONORIFICS and word not in _COMPANY and word not in ("st", "jr", "no"):
            yield first, stop.start()
            first = stop.end()
    yield first, len(sequence)


@lru_cache(16_384)
def _what(word: str) -> str:
    lexicon = english()
    plain = word.rstrip(".").replace("\u2019", "'")
    low = plain.lower()
    stem = low.removesuffix("'s")
    if low in _HONORIFICS:
        return "honorific"
    if word[0].islower():
        return "small"
    if len(plain) == 1:
        return "initial"
    if low in _COMPANY:
        return "company"
    is_name = (
        stem in lexicon.given or stem in lexicon.surnames or stem in lexicon.places or stem in lexicon.nationalities
    )
    if "-" in plain and all(_what(part) in ("term", "small") for part in plain.split("-") if part):
        return "term"
    is_capitals = plain.isupper()
    if stem in lexicon.words or stem in lexicon.terms:
        if is_name and not (is_capitals and len(plain) < 5):
            return "ambiguous"
        is_mixed = not is_capitals and not plain[1:].islower()
        return "term" if _is_term(stem, lexicon) or is_mixed or (is_capitals and len(plain) < 5) else "word"
    if is_name:
        return "name"
    if is_capitals and low in lexicon.syllables:
        return "capitals"
    if is_capitals and (len(plain) < 5 or not plain.replace("-", "").isalpha()):
        return "term"
    if is_word(stem, lexicon):
        return "term" if _is_term(stem, lexicon) else "word"
    if _is_camel(plain, lexicon):
        return "term"
    return "capitals" if is_capitals and plain.isascii() else "name"


def _is_term(low: str, lexicon: English) -> bool:
    return low in lexicon.terms or any(
        low.endswith(ending) and (low[: -len(ending)] in lexicon.terms or low[: -len(ending)] + "e" in lexicon.terms)
        for ending in _ENDINGS
    )


def is_word(low: str, lexicon: English) -> bool:
    if low in lexicon.words or low in _SURNAMES_OF_NOBODY:
        return True
    if low in lexicon.given or low in lexicon.surnames:
        return False
    if "-" in low or "'" in low:
        return all(len(part) < 3 or is_word(part, lexicon) for part in re.split("[-']", low))
    for ending in _ENDINGS:
        if low.endswith(ending) and len(low) - len(ending) >= 3:
            stem = low[: -len(ending)]
            if (
                stem in lexicon.words
                or stem + "e" in lexicon.words
                or (stem[-1] == "i" and stem[:-1] + "y" in lexicon.words)
            ):
                return True
            if stem[-1] == stem[-2] and stem[:-1] in lexicon.words:
                return True
    american = low.replace("ise", "ize").replace("isa", "iza").replace("isi", "izi").replace("our", "or")
    if american != low and is_word(american, lexicon):
        return True
    for beginning in ("un", "re", "non", "pre", "sub", "over", "multi", "inter", "anti", "micro", "mis", "dis"):
        if low.startswith(beginning) and low[len(beginning) :] in lexicon.words and len(low) > len(beginning) + 2:
            return True
    return False


@lru_cache(8_192)
def _is_camel(word: str, lexicon: English) -> bool:
    parts = _CAMEL.findall(word)
    return (
        len(parts) > 1
        and "".join(parts) == word
        and all(len(p) < 3 or p.isupper() or is_word(p.lower(), lexicon) for p in parts)
    )


def _kind(text: str, part: list[str], words: list[tuple[int, int, str]], lexicon: English) -> Kind:
    low = text.lower()
    if low in lexicon.nationalities:
        return Kind.NATIONALITY
    if low in lexicon.places:
        return Kind.PLACE
    if "company" in part or "&" in text:
        return Kind.ORG
    first = words[0][2].lower().rstrip(".")
    last = words[-1][2].lower().rstrip(".").removesuffix("'s")
    if first in lexicon.given or last in lexicon.surnames or "initial" in part:
        return Kind.PERSON
    return Kind.NAME
