"""Where people live: Japanese addresses down to the room, postal codes, and addresses as English texts write them.

A Japanese address is told by its block numbers (丁目, 番地, 1-2-3) and read from there: left to the prefecture or town,
right to the building and room. An English one is told by a number beside a street, or by a flat, suite or box.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.lexicon import english, japanese, listed
from sakimori.gateway.boundary.detectors.words.numerals import with_digits
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_DIGITS = "0-9一二三四五六七八九十百〇"
_N = f"[{_DIGITS}]{{1,5}}"
_TAIL = Gate(
    # All begin with one class, so that ``re`` skips to it.
    rf"[{_DIGITS}](?:[{_DIGITS}]{{0,4}}(?:丁目|丁(?=[0-9])|番町|番地|番|線|条)(?:の)?"
    rf"(?:[ \u3000]?[東西南北]?{_N}(?:丁目|番地?の?|号|条|-|の)?(?![年月日時分円件名人回%])){{0,4}}"
    r"|(?<=[0-9])[0-9]{0,4}(?:[\-ー][0-9]{1,4}){1,3}(?![0-9])|(?<=[0-9])[0-9]{0,3}(?:の[0-9]{1,4}){1,3}(?![0-9年月日])"
    r"|(?<=[一二三四五六七八九十百])[一二三四五六七八九十百]{0,3}(?:[のノ][一二三四五六七八九十百〇]{1,4}){1,4}(?![年月日]))"
)
_NUMBERS = re.compile(
    "[ \u3000]?(?:[一-龥ァ-ヴーぁ-ん]{0,6})[0-9]{1,5}(?:(?:番地?の?|丁目|号|条|線|の|-)[0-9]{1,4}){0,4}(?:番地?|号)?"
    "(?![0-9年月日時分件円人名回%階])"
)
"""What stands in an address behind its town, where no 丁目 or hyphen tells it."""
_DATE = re.compile("(?:19|20)[0-9]{2}-[01]?[0-9](?:-[0-3]?[0-9])?$")
_ADDRESS_BACKWARDS = re.compile("[一-龥\u3400-\u4dbf々ヶケァ-ヴーぁ-んノ0-9 \u3000]+")
_LONGEST = 40
"""Code points before the block numbers."""
_ROOM_ENDS = re.compile("(?:号室|階|号|棟|荘|ビル|マンション)(?=[ぁ-ん])")
_PARTICLES = "にはがをでとのへも"
_TOWN = re.compile("[一-龥\u3400-\u4dbf々ァ-ヴー][一-龥々ァ-ヴーヶのがつノ]{1,12}$")
_MUNICIPAL = re.compile("[一-龥ァ-ヴヶぁ-ん]{1,6}?[市区郡町村]")
_PREFECTURAL = re.compile("[都道府県]")
_BUILDING = re.compile(
    r"(?:号(?!室))?(?:[ \u3000,、]?(?=[^\n]{0,24}(?:ビル|マンション|ハイツ|コーポ|荘|号室|階|棟|タワー|レ"
    r"ジデンス|ハウス|メゾン|パレス|ヒルズ|プラザ|庁舎|会館|センター|ハイム|コート|テラス|スクエア|ガーデン|ヴィラ"
    r"|団地|寮|社宅"
    r"|アパート|[ \u3000][a-z0-9]*[0-9]))"
    r"[一-龥ァ-ヴーぁ-んa-z0-9・'&.\-]{1,24}(?:[ \u3000][一-龥ァ-ヴーa-z0-9]{1,12})??)?"
    r"(?:[ \u3000\-]?[a-z]?[0-9]{1,4}(?:号室|階|f|号|棟)?(?![年月日時件円])(?:[ \u3000]?[0-9]{1,4}号室)?)?"
)
_PREFECTURE = Gate(
    r"(?:北海道|東京都|京都府|大阪府"
    r"|[一-龥]{2,3}県)(?:[ \u3000]?[一-龥ァ-ヴヶぁ-ん]{1,6}?[市区郡町村]){1,3}(?:[一-龥々ァ-ヴヶノ]{0,10}("
    r"?:[のがつ][里内宮森丘台浜沢原池川島山木"
    r"谷門口瀬井下上郷杜]{1,2}[東西南北本中]?(?:町)?)?)"
)
_IN_TOWN = Gate(
    r"([一-龥ァ-ヴヶ]{1,5}[市区町村])[一-龥ァ-ヴヶーの]{1,8}[町字通条丁][0-9]{1,5}(?![0-9年月日時分件円人名回%階号線丁番の\-])"
    "(?:[ \u3000][一-龥ァ-ヴー]{1,10}[ \u3000]?[a-z]?[0-9]{1,4}(?![0-9\\-])号?室?)?"
    "|([一-龥ァ-ヴヶ]{1,6}[市区町村])[一-龥ァ-ヴヶー]{1,8}(?:甲|乙|丙)?[0-9]{2,5}(?=[ \n)」、。,]|$)"
)
_POSTCODE = Gate(r"(?<![0-9\-a-z.])〒?[ ]?([0-9]{3}[\-ー][0-9]{4})(?![0-9\-])")
_STREET = (
    "street|st|avenue|ave|road|rd|drive|dr|lane|ln|boulevard|blvd|court|ct|way|place|pl|square|sq|terrace"
    "|crescent|close|highway|hwy|parkway|pkwy|circle|trail|row|hill|walk|mews|gardens|grove|green|plaza|q"
    "uay|wharf|dale|str|park|common|commons|bridge|mill|mills|estate|pass|path|alley|loop|bend|ridge|view"
    "|heights|crossing|junction|landing|rise|vale|glen|cove|bay|manor|fort|station|field|fields|shore|por"
    "t|summit|valley|village|ville|meadow|meadows|spring|springs|creek|run|river|brook|canyon|turnpike|fr"
    "eeway|expressway|motorway|spur|stravenue|union|via|viaduct|corner|corners|course|haven|harbor|inlet|"
    "island|isle|key|lake|lock|lodge|neck|orchard|oval|ramp|ranch|rapid|rest|shoal|skyway|throughway|trac"
    "e|track|well|wells|falls|ferry|flat|ford|forest|forge|fork|garden|gateway|hollow|knoll|light|overpas"
    "s|passage|pike|pine|pines|plain|plains|point|prairie|radial"
)
_US = Gate(
    rf"(?<![0-9a-z.\-/#])[0-9]{{1,6}}[a-z]?,? (?:(?:[nsew]|north|south|east|west)\.? )?(?:[^\W\d_][^\W\d_'.\-]*\.? "
    rf"|[0-9]{{1,3}}(?:st|nd|rd|th) |of |the |[0-9]{{1,5}} ){{1,5}}?(?:{_STREET})\b\.?"
)
_FLAT = Gate(
    r"\b(?:apt|apartment|suite|ste|unit|flat|room|floor|fl|box|(?:[0-9]{1,6} )?p\.?o\.? ?box|psc)\b"
    r"\.?,? ?#?[0-9]{1,5}[a-z]?\b"
    r"|#[0-9]{2,5}\b(?=[ ,\n])|[0-9]{1,2}(?:st|nd|rd|th) (?:fl|floor)\b|\bblk [0-9]{1,4}[a-z]?\b"
)
_ROOM = Gate(
    r"[0-9](?:-[0-9]{1,4}){1,2} (#[0-9]{2,4})(?![0-9])"
    r"|(#[0-9]{2}-[0-9]{2,4}(?:,? (?:s\([0-9]{6}\)|singapore [0-9]{6}))?)(?![0-9])"
)
"""Behind the numbers of a house; floors and flats of Singapore."""
_AZA = Gate(
    "[市区町村][一-龥]{0,6}(?<![文漢赤黒数英])字([一-龥]{1,6}[0-9]{1,5}(?:番地?)?(?:[の\\-][0-9]{1,4})?)(?![0-9万千億円件])",
    needs="字[一-龥]{1,6}[0-9]",
)
"""Parts of villages, whose numbers follow at once."""
_CORNER = Gate(r"(?:\bthe )?\bcorner of ((?:[^\W_][\w.'\-]*[ ]){1,6}and (?:[^\W_][\w.'\-]*[ ]?){1,4})")
_MILITARY = Gate(
    r"(?:usns|uss|usnv|usnb|uscgc|usnm|psc|unit|cmr) [^\W_][^\n,]{1,30}(?:, box [0-9]+)?\n?[ ,]{0,2}(?:apo|fpo"
    r"|dpo),? (?:aa|ae|ap)[ ,]{1,2}[0-9]{5}"
)
_UPPER = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0100-\u024f\u0370-\u03ff\u0400-\u042f"
_A_NUMBER = r"[0-9]++[a-zA-Z]?(?:[\-/][0-9a-zA-Z]++){0,3}+"
_A_NAME = rf"[{_UPPER}][^\W\d_]*+(?:['\u2019\-][^\W\d_]++){{0,8}}+\.?+"
_PARTICLE = (
    r"(?:de|del|della|di|da|do|dos|das|la|le|les|du|des|van|von|der|den|of|the|el|e|y|i|u|út|utca|nan|tér|strada|str"
    r"|fejedelem|rkp|ul|av|rua|via|sok|köz|sor|krt|am|upon|sur|sous)\b\.?"
)
_TOKEN = re.compile(rf"{_A_NUMBER}|{_A_NAME}|(?<![^\W\d_]){_PARTICLE}")
_NUMBER = re.compile(
    r"[0-9](?<![0-9A-Za-z_.\-/:=#$][0-9])(?:[0-9]{0,2}(?:-[0-9]{1,3}){1,3}|[0-9]{0,5}[A-Za-z]?)(?![0-9A-Za-z_:=%]|[.,][0-9])"
)
_DIGIT = re.compile("[0-9]")
_BEYOND = 6
"""How much of what follows a row tells about it."""
_LONGEST_ABBREVIATION = 3
_CAMEL = re.compile("[a-z][A-Z]")
_DAY = re.compile("[0-9]{4}-[0-9]{2}(?:-|$)")
_ROOMS = listed("room unit floor level shop block house lot villa building")
_LAST_WORD_BACKWARDS = re.compile(r"\n?[ ,.]{1,3}([^\W\d_]+(?:['\u2019\-][^\W\d_]+)*)")
_AFTER_WORD = (" ", ",", ".", "\n")
_BETWEEN = (
    # A sentence that ends before a line with a number is no part of it.
    rf"(?=[ \t,\n(])(?!(?<=[^\W\d_{_UPPER}]\.)[ \t,]*\n[^\n]{{0,4}}[0-9])"
    rf"[ \t]{{0,8}}(?:,[ \t]{{0,8}})?(?:\n[> \t]{{0,4}}(?:,[ \t]*)?)?(?:\([^)\n0-9{_UPPER}]{{0,20}}\))?"
)
_TOKENS = re.compile(
    # The class comes first, the look-behind second: so the search skips from capital to capital and digit.
    rf"[0-9{_UPPER}](?<![\w\-/\\.:@=#%][0-9{_UPPER}])"
    r"(?:(?<=[0-9])[0-9]*+[a-zA-Z]?(?:[\-/][0-9a-zA-Z]++){0,3}+"
    r"|(?<![0-9])[^\W\d_]*+(?:['\u2019\-][^\W\d_]++){0,8}+\.?+)"
    rf"(?:{_BETWEEN}(?:{_A_NUMBER}|{_A_NAME}|{_PARTICLE}))++"
)
"""Numbers, capitalised words and particles in a row."""
_LEADING = listed(
    "the in on at to from and is are was he she it we they i you her his my our please call contact dear hi"
)
_MONTHS = listed(
    "january february march april may june july august september october november december jan feb mar"
    " apr jun jul aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday"
)
_BRITISH_POSTCODE = Gate(
    r"(?<![A-Za-z0-9])(?:[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][ABD-HJLNP-UW-Z]{2}"
    r"|[A-Z][0-9][A-Z] [0-9][A-Z][0-9])(?![A-Za-z0-9])"
)
_STREETS = frozenset(_STREET.split("|"))
_STREETS_SURE = listed(
    "street st avenue ave road rd drive dr lane ln boulevard blvd court ct place terrace crescent close"
    " highway hwy parkway circle square"
)
_LONG_ENDINGS = re.compile(
    r"(?:strasse|straße|strase|gasse|weg|platz|allee|vej|gade|gatan|vägen|veien|vegen|gata|katu|tie|kuja|laan"
    r"|straat|plein|hof|bakken|stræti|gatan|tänav|puiestee|utca|ulice|ulica|steinn|damm|ufer|ring)$"
)


def detect_japanese_addresses(folded: Folded) -> Iterator[Hit]:
    if folded.text.isascii():
        return
    text = with_digits(folded.text)
    for match in _PREFECTURE.finditer(text):
        if match[0].startswith(_prefectures()):
            numbers = _NUMBERS.match(text, match.end())
            end = numbers.end() if numbers else match.end()
            yield Hit(match.start(), end, Kind.ADDRESS, "address-ja", text[match.start() : end])
    for match in _IN_TOWN.finditer(text):
        town = match[1] or match[2]
        if town in japanese().places or "郡" in town[1:-1]:
            yield Hit(match.start(), match.end(), Kind.ADDRESS, "address-ja", match[0])
    reach = 0
    for match in _TAIL.finditer(text):
        numbers, end = match.span()
        if numbers < reach or not (stretch := _before(text, numbers, reach)) or _DATE.match(match[0]):
            continue
        offset = _offset(stretch, match[0])
        if offset is None:
            continue
        start = numbers - len(stretch) + offset
        reach = end + _building_behind(text, end)
        yield Hit(start, reach, Kind.ADDRESS, "address-ja", text[start:reach])
    for match in _POSTCODE.finditer(text):
        after = text[match.end() : match.end() + 3].strip()
        if "〒" in match[0] or (after and re.match("[一-龥]", after)):
            yield Hit(match.start(), match.end(), Kind.POSTCODE, "postcode", match[1].replace("ー", "-"))


def _building_behind(text: str, end: int) -> int:
    """How long the building and the room are that follow the block numbers, without the particle that ends them."""
    building = _BUILDING.match(text, end)
    if not building or building.end() == end:
        return 0
    room = _ROOM_ENDS.search(building[0])
    return room.end() if room else len(building[0].rstrip(_PARTICLES))


def _before(text: str, end: int, least: int) -> str:
    """What before the block numbers at ``end`` an address can be made of."""
    before = _ADDRESS_BACKWARDS.match(text[max(least, end - _LONGEST) : end][::-1])
    return text[end - before.end() : end] if before else ""


@lru_cache(8_192)
def _offset(stretch: str, numbers: str) -> int | None:
    """Where in ``stretch`` the address begins that the block numbers behind it end; None: it is none."""
    start = _start(stretch)
    return start if start is not None and _is_address(stretch[start:], numbers) else None


@cache
def _prefectures() -> tuple[str, ...]:
    return tuple(place for place in japanese().places if place[-1] in "都道府県" and len(place) > 2)


def _start(stretch: str) -> int | None:
    """Where the address could begin of which the block numbers stand behind ``stretch``."""
    prefectures = [stretch.rfind(prefecture) for prefecture in _prefectures()] if _PREFECTURAL.search(stretch) else []
    best = min((place for place in prefectures if place >= 0), default=None)
    if best is not None:
        return best
    lexicon = japanese()
    for match in re.finditer("[市区郡町村]", stretch):
        for size in range(2, 7):
            begin = match.end() - size
            if begin >= 0 and stretch[begin : match.end()] in lexicon.places:
                return begin
    for place in re.finditer("[一-龥]{2,4}", stretch):
        for size in (4, 3, 2):
            if place[0][:size] in lexicon.areas:
                return place.start()
    municipal = _MUNICIPAL.search(stretch)
    if municipal:
        words = re.search("[ \u3000の](?=[^ \u3000]*$)", stretch[: municipal.end()])
        return words.end() if words else municipal.start()
    town = _TOWN.search(stretch.rstrip())
    if not town:
        return None
    particle = re.search("[のが](?=[一-龥]{3,}$)", town[0])
    return town.start() + (particle.end() if particle else 0)


def _is_address(left: str, tail: str) -> bool:
    lexicon = japanese()
    bare = left.strip(" \u3000")
    if not bare or bare in lexicon.words:
        return False
    known = (
        bare.startswith(_prefectures())
        or _MUNICIPAL.search(bare) is not None
        or any(bare[:size] in lexicon.areas or bare[:size] in lexicon.places for size in (2, 3, 4, 5))
    )
    if "丁目" in tail or "番地" in tail:
        return len(bare) >= 2
    parts = len(re.findall(_N, tail))
    if known:
        return (
            not re.search(r"(?:年|月|第|度|版|図|表|号|項|章|条)$", bare)
            and parts >= 1
            and any(mark in tail for mark in "番-ーのノ")
        )
    return (
        parts >= 3
        and len(bare) >= 2
        and "-" in tail
        and not re.search("(?:号|番号|日|時|バージョン|コード|電話|携帯|番|記号|第|で|は|を|に)$", bare)
        and not _is_number_word(bare)
    )


def _is_number_word(bare: str) -> bool:
    lexicon = japanese()
    return (
        any(bare[first:] in lexicon.words for first in range(len(bare) - 1))
        or bare in lexicon.katakana_words
        or any(
            bare.endswith(word)
            for word in (
                "ファクス",
                "ファックス",
                "フリーダイヤル",
                "カード",
                "コード",
                "ナンバー",
                "ダイヤル",
                "センター",
            )
        )
    )


def detect_english_addresses(folded: Folded) -> Iterator[Hit]:
    text, cased = folded.text, folded.cased
    if not any(character.isdigit() for character in text):
        return
    for match in _US.finditer(text):
        if all(
            word.isdecimal() or (word.islower() and word.rstrip(".") in english().words)
            for word in cased[match.start() : match.end()].split()[1:]
        ):
            continue
        yield Hit(match.start(), match.end(), Kind.ADDRESS, "address-en", match[0])
    for pattern in (_ROOM, _AZA):
        for match in pattern.finditer(text):
            group = match.lastindex or 0
            yield Hit(*match.span(group), Kind.ADDRESS, "address-part", match[group])
    for match in _BRITISH_POSTCODE.finditer(cased):
        yield Hit(match.start(), match.end(), Kind.POSTCODE, "postcode", match[0].lower())
    for pattern in (_CORNER, _MILITARY):
        for match in pattern.finditer(text):
            yield Hit(match.start(), match.end(), Kind.ADDRESS, "address-en", match[0])
    for match in _FLAT.finditer(text):
        if match[0][0] != "#" and match[0].split()[0] not in ("room", "floor", "fl", "unit"):
            yield Hit(match.start(), match.end(), Kind.ADDRESS, "address-en", match[0])
    for row in _TOKENS.finditer(cased):
        start, end = row.span()
        address = _DIGIT.search(cased, start, end) and _address_in(cased[start : end + _BEYOND], end - start)
        if address:
            first, last = start + address[0], start + address[1]
            yield Hit(first, last, Kind.ADDRESS, "address-en", text[first:last])


def _is_numbered(row: str, size: int) -> bool:
    """Whether a number stands beside a capitalised word."""
    for number in _NUMBER.finditer(row):
        start, end = number.span()
        if end > size:
            return False
        if row[end : end + 6].lstrip(" ,>\n\t")[:1].isupper():
            return True
        if row[start - 1 : start] in _AFTER_WORD:
            before = _LAST_WORD_BACKWARDS.match(row[max(0, start - 30) : start][::-1])
            if before and before[1][-1].isupper():
                return True
    return False


@lru_cache(4_096)
def _address_in(row: str, size: int) -> tuple[int, int] | None:
    """Where the address begins and ends in a row of numbers and capitalised words; None: there is none.

    ``size``: of the row, behind which stands what follows it.
    """
    if not _is_numbered(row, size):
        return None
    run = list(_TOKEN.finditer(row, 0, size))
    opening = next((n for n, token in enumerate(run) if _opens_address(token[0])), len(run))
    run = run[opening:]
    kinds = [_token_kind(token[0]) for token in run]
    marks = [
        n
        for n in range(len(run))
        if kinds[n] == "number"
        and (
            (n + 1 < len(run) and kinds[n + 1] in ("name", "street", "flat"))
            or (n and kinds[n - 1] in ("name", "street", "flat"))
            or "street" in kinds[n + 2 : n + 5]
        )
    ]
    if not marks or not any(kind in ("name", "street", "flat") for kind in kinds):
        return None
    if not any(kind == "name" for kind in kinds) and sum(kind in ("street", "flat") for kind in kinds) < 1:
        return None
    first, last = marks[0], marks[-1]
    while first and (kinds[first - 1] in ("name", "street", "number", "flat", "small")):
        first -= 1
    while first and kinds[first - 1] == "word" and kinds[first] in ("street", "flat"):
        first -= 1
    if first and run[first - 1][0].lower() in _ROOMS and kinds[first] == "number":
        first -= 1
    while last + 1 < len(run) and kinds[last + 1] in ("name", "street", "number", "flat", "small", "word", "short"):
        last += 1
    if last == first:
        return None
    end = run[last].end()
    return None if row[end : end + 1] in ("_", "\\", "/", "=", "@") else (run[first].start(), end)


def _opens_address(token: str) -> bool:
    return token[0].isdigit() or (token[0].isupper() and token.lower() not in _LEADING)


@lru_cache(16_384)
def _token_kind(token: str) -> str:
    words = english()
    low = token.lower().rstrip(".")
    if token[0].isdigit():
        return "month" if _DAY.match(token) else "number"
    if low in ("apt", "suite", "apartment", "flat", "box", "psc", "apo", "fpo"):
        return "flat"
    if low in _STREETS_SURE or _LONG_ENDINGS.search(low):
        return "street"
    if token[0].islower():
        return "small"
    if low in _MONTHS:
        return "month"
    if len(low) <= 2:
        return "short"
    if low in words.places or low in words.nationalities:
        return "name"
    if token.isupper() and token.isascii() and len(token) <= _LONGEST_ABBREVIATION:
        return "short"
    if _CAMEL.search(token) and low not in words.surnames:
        return "word"
    return (
        "word"
        if low in words.words
        or (low.endswith(("s", "ed", "ing")) and (low[:-1] in words.words or low[:-2] in words.words))
        else "name"
    )
