"""Numbers of documents and things that their form alone tells: residence cards, pensions, SSN, plates, positions."""

from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate, Sign
from sakimori.gateway.boundary.detectors.words.numerals import also_in_kanji
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_LETTERS_OF_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_FIRST_OF_NIE = str.maketrans("XYZ", "012")
_RESIDENCE = Gate(r"(?<![A-Za-z0-9])[A-Z]{2}[ \-]?[0-9]{4}[ \-]?[0-9]{4}[ \-]?[A-Z]{2}(?![A-Za-z0-9])")
_PASSPORT = Gate(r"(?<![A-Za-z0-9\-])[A-Z]{2}[0-9]{7}(?![A-Za-z0-9])")
_PASSPORT_WORDS = Sign("旅券|パスポート|passport")
_PENSION = Gate(r"[0-9](?<![0-9\-a-z.][0-9])[0-9]{3}-[0-9]{6}(?![0-9\-])")
_SSN = Gate(r"[0-9](?<![0-9\-a-z.][0-9])[0-9]{2}(?<!000)(?<!666)-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9\-])")
_BESIDE_SSN = Gate(
    r"(?<![a-z])(?:ssn|social(?: security)?(?: no\.?| number)?|itin|tin|taxpayer id)(?![a-z])[^0-9\n]{0,24}"
    r"([0-9]{3}[ \-.]?[0-9]{2}[ \-.]?[0-9]{4}|[0-9]{4})(?![0-9]|[\-.,/][0-9])"
)
"""However it is grouped, or its last four digits."""
_NINO = Gate(
    r"(?<![A-Za-z0-9])(?:[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]"
    r"|[A-Z]{2} [0-9]{2} [0-9]{2} [0-9]{2} [A-D])(?![A-Za-z0-9])"
)
_CHINESE = Gate(r"(?<![0-9a-z])[1-9][0-9]{5}(?:19|20)[0-9]{9}[0-9x](?![0-9a-z])")
"""GB 11643-1999: where from, the birth, a number and its check digit."""
_HKID = Gate(r"(?<![A-Za-z0-9])[A-Z]{1,2}[0-9]{6} ?\([0-9A]\)")
_DNI = Gate(r"(?<![A-Za-z0-9.,_/\-])(?:[0-9]{8}|[XYZ]-?[0-9]{7})-?[A-HJ-NP-TV-Z](?![A-Za-z0-9_\-])")
"""Of Spain: the letter is the remainder of the number by 23."""
_FOREIGN_PLATE = Gate(
    r"(?<![A-Za-z0-9\-])(?:[A-Z]{2}[0-9]{2} [A-Z]{3}|[A-Z]{2}[0-57][0-9][A-HJ-PR-Z]{3}|[0-9]{2,3}-[A-Z]{1,2}-[0-9]{1,6}"
    r"|[A-Z]{2}-[0-9]{3}-[A-Z]{2}|[A-ZÄÖÜ]{1,3}-[A-Z]{1,2} [0-9]{1,4}|[0-9]{4} [B-DF-HJ-NP-TV-Z]{3})(?![A-Za-z0-9\-])"
)
"""Of Britain (also without its space), Ireland, France and Italy, Germany, Spain."""
_BESIDE_VEHICLE = Gate(
    r"(?<![A-Za-z])(?:[Pp]lates?|[Rr]eg(?:istration)?(?: [Nn]o\.?| mark)?|[Vv]ehicle|[Cc]ar|[Vv]an|[Bb]ike|[Mm]otorbike"
    r"|[Mm]oped|[Ss]cooter|[Ll]orry|[Tt]ruck|[Tt]axi|[Kk]eeper)(?: is| no\.?)?[ :#,(]{1,2}"
    r"([A-Z]{1,3}[ \-]?[0-9]{1,4}[ \-]?[A-Z]{0,3}|[0-9]{1,4}[ \-]?[A-Z]{1,3}(?:[ \-]?[0-9]{1,4})?"
    r"|[A-Z]{2}[0-9]{2} ?[A-Z]{3}|[A-Z]{2} ?[0-9]{2} ?[A-Z]{1,2} ?[0-9]{4})(?![A-Za-z0-9])"
)
"""Any, beside what it is of."""
_OF_DRIVERS = Sign(
    "plate|registration|vehicle|(?<![a-z])(?:reg|cars?|vans?|truck|lorry|taxi|parked|parking|drove|driv(?:er|es|ing)|motor"
    "|bike|passat|toyota|ford|audi|bmw)(?![a-z])|車"
)
_PLATE = Gate(
    "(?:[一-龥]{2,4}|なにわ|いわき|とちぎ|つくば|すみだ|とかち)[ \u3000]?[0-9]{2}[0-9"
    "a-z][ \u3000]?[ぁ-ん][ \u3000]?(?:[0-9]{2}-[0-9]{2}"
    "|[・.]{0,3}[0-9]{1,4}(?:-[0-9]{2})?)(?![0-9])",
    needs="[0-9]{2}[0-9a-z][ \u3000]?[ぁ-ん][ \u3000]?[0-9・.]",
)
_SMALL_PLATE = Gate(
    r"[一-龥]{1,4}[市区町村](?:[ \u3000][ぁ-ん][ \u3000]|[ぁ-ん] )[0-9・]{1,3}[0-9](?![0-9]|[ ]?[年月日人名件円])"
)
"""Of what needs no inspection: 日田市 か 2047."""
_INSURED = Gate(
    r"記号[ \u3000:=はが]{0,3}([0-9a-z一-龥]{1,8}?)[ \u3000,、・\-]{0,3}番号[ \u3000:=はが]{0,3}([0-9]{1,8})(?![0-9])"
)
_HEALTH = Gate(
    r"(?:記号・?番号|(?:健康保険|国保|社保|健保|国民健康保険|後期高齢者?医療?|共済組合?)(?:証|記号)?)"
    r"[ \u3000:=はが(]{1,3}(?!記号|番号)((?:[一-龥ぁ-んァ-ヴ]{1,4}[ ・\-]?)?[0-9]{1,8}(?:[ \-・][0-9]{1,10}){0,2})"
    r"(?![0-9年月日割名人件円万千%])"
)
"""Symbol and number of an insured person, the symbol in letters or not: う・10 2257."""
_POSITION = Gate(
    r"(?<![0-9.])-?[0-9]{1,2}\.[0-9]{4,10}°?[ ]?[ns]?[ ]?[,/ ][ ]?-?1?[0-9]{1,2}\.[0-9]{4,10}°?(?:["
    r" ]?[ew](?![a-z]))?(?![0-9.])"
    r"|[0-9]{1,2}°[0-9]{1,2}['′][0-9.]{1,6}[\"″] ?[ns][, ]{1,2}[0-9]{1,3}°[0-9]{1,2}['′][0-9.]{1,6}[\"″] ?[ew]"
    r"|(?:北緯|南緯)[ ]?[0-9]{1,2}[.度°][0-9.度分秒'\"°′″]{1,16}[、, ]{0,2}(?:東経|西経)["
    r" ]?[0-9]{1,3}[.度°][0-9.度分秒'\"°′″]{1,16}"
)
_LATITUDE = Gate(
    r"(?:緯度|経度|\blatitude|\blongitude|\blat|\blon|\blng)[\"']?[ ]?[:=は]?["
    r" ]?[\"']?(-?[0-9]{1,3}\.[0-9]{3,12})(?![0-9])"
)
_FEWEST_DIGITS = 4
_SHORTEST_PLATE = 5
_IMEI = Gate(r"[0389](?<![0-9\-a-z.][0389])(?:(?<=3)5|(?<=8)6|(?<=0)1|(?<=9)9)[0-9]{13}(?![0-9\-.])")


@also_in_kanji
def detect_identities(folded: Folded) -> Iterator[Hit]:
    text, cased = folded.text, folded.cased
    for pattern, kind, name in (
        (_RESIDENCE, Kind.RESIDENCE, "residence-card"),
        (_NINO, Kind.TAXID, "nino"),
        (_HKID, Kind.TAXID, "hkid"),
    ):
        for match in pattern.finditer(cased):
            yield Hit(match.start(), match.end(), kind, name, match[0].lower().replace(" ", ""))
    for match in _CHINESE.finditer(text):
        yield Hit(*match.span(), Kind.TAXID, "chinese-id", match[0])
    for match in _DNI.finditer(cased):
        number = match[0].replace("-", "").translate(_FIRST_OF_NIE)
        if _LETTERS_OF_DNI[int(number[:-1]) % 23] == number[-1]:
            yield Hit(*match.span(), Kind.TAXID, "dni", match[0].lower())
    if _OF_DRIVERS.may_match(text):
        for match in _FOREIGN_PLATE.finditer(cased):
            yield Hit(*match.span(), Kind.PLATE, "plate", match[0].lower())
        for match in _BESIDE_VEHICLE.finditer(cased):
            if len(match[1]) >= _SHORTEST_PLATE:
                yield Hit(*match.span(1), Kind.PLATE, "plate", match[1].lower())
    if _PASSPORT_WORDS.may_match(text):
        for match in _PASSPORT.finditer(cased):
            yield Hit(match.start(), match.end(), Kind.PASSPORT, "passport", match[0].lower())
    for pattern, kind, name in (
        (_PENSION, Kind.PENSION, "pension"),
        (_SSN, Kind.TAXID, "ssn"),
        (_POSITION, Kind.POSITION, "position"),
    ):
        for match in pattern.finditer(text):
            yield Hit(match.start(), match.end(), kind, name, match[0])
    for match in _BESIDE_SSN.finditer(text):
        yield Hit(*match.span(1), Kind.TAXID, "ssn", match[1])
    for match in _LATITUDE.finditer(text):
        yield Hit(match.start(1), match.end(1), Kind.POSITION, "position", match[1])
    for match in _IMEI.finditer(text):
        if _luhn(match[0]):
            yield Hit(match.start(), match.end(), Kind.DEVICE, "imei", match[0])
    if not text.isascii():
        for match in _INSURED.finditer(text):
            yield Hit(match.start(1), match.end(2), Kind.INSURANCE, "insured", match[1] + match[2])
        for match in _HEALTH.finditer(text):
            if sum(map(str.isdigit, match[1])) >= _FEWEST_DIGITS:
                yield Hit(*match.span(1), Kind.INSURANCE, "insured", match[1])
        for pattern in (_PLATE, _SMALL_PLATE):
            for match in pattern.finditer(text):
                yield Hit(match.start(), match.end(), Kind.PLATE, "plate", match[0])


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(value - 9 if value > 9 else value for value in doubled)) % 10 == 0
