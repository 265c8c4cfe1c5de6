"""Banks' own numbers: IBAN, BIC, accounts with bank and branch, ゆうちょ, corporate numbers, holders in kana."""

import re
from collections.abc import Iterator
from string import ascii_lowercase

from sakimori.gateway.boundary.detectors.numbers.zengin import zengin_records
from sakimori.gateway.boundary.detectors.search.gates import Gate, Sign
from sakimori.gateway.boundary.detectors.words.capitals import is_word
from sakimori.gateway.boundary.detectors.words.lexicon import english, listed
from sakimori.gateway.boundary.detectors.words.numerals import also_in_kanji
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_IBAN = Gate(
    r"(?<![a-z0-9])[a-z]{2}[0-9]{2}(?:[ \-]?[a-z0-9]{2,4}){3,8}[ \-]?[a-z0-9]{0,4}(?![a-z0-9])",
    needs=r"(?:^|[^a-z0-9])[a-z]{2}[0-9]{2}[ \-]?[a-z0-9]{4}",
    within=10,
)
_BESIDE_IBAN = Gate(
    r"(?<![a-z])iban(?: no\.?| number)?(?: is)?[ :=#\"'(]{1,4}"
    r"([a-z]{2}[0-9]{2}[ \-]?[a-z0-9]{4}(?:[ \-]?[a-z]{0,3}[0-9][a-z0-9]{0,3}){2,8})"
    r"(?![a-z0-9])"
)
_PRINTED_IBAN = Gate(
    r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: [A-Z0-9]{4}){3,7}(?: [A-Z0-9]{1,3})?(?![A-Za-z0-9])",
    needs="[A-Z]{2}[0-9]{2} [A-Z0-9]{4} [A-Z0-9]{4} ",
)
"""In fours, as on paper; whoever typed it may have missed a digit."""
_IBAN_LENGTHS = {
    **dict.fromkeys(("no",), 15),
    **dict.fromkeys(("be",), 16),
    **dict.fromkeys(("dk", "fi", "fo", "gl", "nl", "sd"), 18),
    **dict.fromkeys(("mk", "si"), 19),
    **dict.fromkeys(("at", "ba", "ee", "kz", "lt", "lu", "xk", "mn"), 20),
    **dict.fromkeys(("ch", "cr", "hr", "li", "lv"), 21),
    **dict.fromkeys(("bg", "bh", "de", "gb", "ge", "ie", "me", "rs", "va"), 22),
    **dict.fromkeys(("ae", "gi", "il", "iq", "om", "so", "tl"), 23),
    **dict.fromkeys(("ad", "cz", "es", "md", "pk", "ro", "sa", "se", "sk", "tn", "vg"), 24),
    **dict.fromkeys(("ly", "pt", "st"), 25),
    **dict.fromkeys(("is", "tr"), 26),
    **dict.fromkeys(("bi", "dj", "fr", "gr", "it", "mc", "mr", "sm"), 27),
    **dict.fromkeys(("al", "az", "by", "cy", "do", "gt", "hu", "lb", "ni", "pl", "sv"), 28),
    **dict.fromkeys(("br", "eg", "ps", "qa", "ua"), 29),
    **dict.fromkeys(("jo", "kw", "mu"), 30),
    **dict.fromkeys(("mt", "sc"), 31),
    "lc": 32,
    "ru": 33,
}
"""ISO 13616, the registry of SWIFT."""
_FEWEST_OF_IBAN = 8
_SEPARATORS = str.maketrans("", "", " -")
_LETTERS = {ord(letter): str(number) for number, letter in enumerate(ascii_lowercase, start=10)}
_BIC = Gate(r"(?<![A-Za-z0-9])[A-Z]{4}([A-Z]{2})[A-Z0-9]{2}(?:[A-Z0-9]{3})?(?![A-Za-z0-9])")
_BIC_COUNTRIES = listed(
    "AD AE AF AG AI AL AM AN AO AR AT AU AW AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BW BY BZ CA CD CF CG CH"
    " CI CK CL CM CN CO CR CU CV CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FO FR GA GB GD GE GG GH GI GL GM GN"
    " GQ GR GT GW GY HK HN HR HT HU ID IE IL IM IN IQ IR IS IT JE JM JO JP KE KG KH KM KN KR KW KY KZ LA LB LC LI LK"
    " LR LS LT LU LV LY MA MC MD ME MG MK ML MM MN MO MQ MR MT MU MV MW MX MY MZ NA NC NE NG NI NL NO NP NZ OM PA PE"
    " PF PG PH PK PL PS PT PY QA RE RO RS RU RW SA SB SC SD SE SG SI SK SL SM SN SO SR SS ST SV SY SZ TC TD TG TH TJ"
    " TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VN VU WS XK YE ZA ZM ZW"
)
_BIC_WORD = Sign(
    r"bic|swift|スイフト|:5[0-9][a-d]?:|銀行|bank|送金|仕向|iban|nostro|(?<![a-z])pset(?![a-z])|deliverer|correspondent"
    "|(?<![a-z])(?:a/c|acct|mt ?[0-9]{3}|remit|wired?)(?![a-z])"
)
_BIC_PLACE = re.compile("[A-Z]{4}(?:JP|US|GB|DE|FR|CH|SG|HK|CN|AU)[A-Z0-9]{2}(?:XXX)?$")
"""Where most are from: such a one is told by a text that speaks of banks at all."""
_ACCOUNT = Gate(
    r"(?:普通(?:預金)?|当座(?:預金)?|貯蓄(?:預金)?|定期(?:預金)?|納税準備預金|savings|checking|current account)"
    r"[ \u3000()(口座番号no.:=,、/]{0,8}([0-9](?:[ \-]?[0-9]){5,7})(?![0-9])"
)
_CODES = Gate(
    r"(?<![0-9\-./:])([0-9]{4})[\-ー ]([0-9]{3})[\-ー ](?:[1249][\-ー ]|普通?[ ]?|当座?[ ]?)?([0-9]{7})(?![0-9\-])"
)
_YUCHO = Gate(r"(?<![0-9\-])([01][0-9]{3}0)(?:[\-ー ][0-9])?[\-ー ・/]{1,3}([0-9]{6,7}1)(?![0-9\-])")
_YUCHO_WORDS = Gate(
    r"記号[ \u3000:=はが]{0,4}([01][0-9]{3}0)(?:-[0-9])?[ \u3000,、/・\n]{0,4}番号["
    r" \u3000:=はが]{0,4}([0-9]{2,8})(?![0-9])"
)
_TYPE = "(?:普通?|当座?|貯蓄?|ordinary|futsuu?|tou?za|savings?|sav|current)(?:預金)?"
_PARTS = Gate(
    rf"(?<![0-9a-z\-./:])(?:[0-9]{{4}}[\-/・ ])?[0-9]{{3}}[ ]?[\-/・ ][ ]?\(?{_TYPE}\)?[ ]?[\-/・ ]?[ ]?[0-9]{{6,7}}"
    r"(?![0-9\-])",
    needs=rf"[0-9]{{3}}[ ]?[\-/・ ][ ]?\(?{_TYPE}",
)
"""With the kind of account in the middle: 043-普通-2253902."""
_SLASHED = Gate(r"(?<![0-9a-z./\-])[0-9]{3}/[0-9]{7}(?![0-9a-z/.\-]|[ ]?[件円%])")
_BEHIND_BRANCH = Gate(r"[一-龥ァ-ヴー]/([0-9]{7})(?![0-9/.円件名人])")
"""支払=新潟東/5561028."""
_BRANCH = Gate(
    r"(?:店番号?|支店番号|支店コード|店番|支店名?|本店|出張所|branch(?: code| no\.?| number)?"
    r"|(?<![a-z])(?:shiten|tenban|tenpo|tempo|mise|brn|br)(?:[_ ]?(?:cd|code|no|ban|bango))?"
    r"|(?<![一-龥ァ-ヴ])店)[ \u3000(:='\"#]{1,4}([0-9]{3}|0[0-9]{3})(?![0-9]|-[0-9])"
    r"|(?:支店|取扱店|勘定店|母店|僚店|(?<![一-龥ァ-ヴー])店)[ \u3000:]?([0-9]{3})"
    r"(?![0-9年月日時分件名人円か箇店拠.,:/\-])"
)
_BRANCH_FIELD = Gate(
    r"(?<![a-z])(?:br(?:anch|n)?|ten(?:po)?|shiten|mise)(?:[_ \-]?(?:cd|code|no|num|id|ban(?:gou?)?)>?)?"
    r"[\"']?[ ]?(?:[=:]|(?<=[do]>))[ ]?[\"']?([0-9]{3,4})(?![0-9a-z.:/\-])"
)
_BRANCH_IN_BRACKETS = Gate(rf"\(([0-9]{{3}})\) ?{_TYPE}(?![a-z])")
_BANK_CODE = Gate(r"(?:銀行コード|金融機関コード|銀行番号|bank code)[ \u3000(:=]{0,4}([0-9]{4})(?![0-9])")
_BEGINS_FIELD = ("|", "\t", "=", ":", ",", "(", "、", "\n", "口座", "account", "acct", "a/c")
_REGISTERED = Gate(r"(?<![a-z0-9])t[0-9]{13}(?![0-9a-z])")
"""With its T a number for invoices, whatever its check digit."""
_CORPORATE = Gate(r"(?<![0-9a-z.\-])t?([1-9][ \-]?(?:[0-9]{4}[ \-]?){2}[0-9]{4})(?![0-9.\-])")
_BANK_IN_BRACKETS = Gate(
    r"(?:銀行|金庫|組合|農協|bank) ?\(([0-9]{4})\)|(?:支店|出張所|本店|営業部|branch) ?\(([0-9]{3})\)"
)
_SWIFT_ACCOUNT = Gate(r":[0-9]{2}[a-z]?:/{1,2}(?:[cd]/)?([a-z0-9][a-z0-9\-]{3,33})(?![a-z0-9\-])")
_OF_PARTY = Gate(
    r"(?:(?:^|\n)/{1,2}(?:[a-z]{1,8}/)?|(?<![a-z])(?:bnf|obi|nbnf|rbk|org|ogb|acc)=/{1,2}|/(?:acc|bnf|rec|ins|int)/)"
    r"([0-9][0-9a-z\-]{5,33})(?![0-9a-z/.\-])"
)
"""Lines of accounts in messages of SWIFT and Fedwire."""
_FIELDS = Gate(r"[,\t|][ ]?[\"']?([0-9]{3})[\"']?[ ]?[,\t|][ ]?[\"']?([0-9]{7})(?=[\"']?[ ]?(?:[,\t|\n]|$))")
"""Branch and account in fields that follow one another."""
_IN_PATH = Gate(
    r"/(?:accounts?|customers?|users?|cards?|loans?|members?|clients?|contracts?|deposits?|transfers?)"
    r"/([a-z]{0,3}[0-9]{4,16})(?=[/?#&\s\"',)]|$)"
)
"""Resources as the paths of web services name them."""
_TRANSFER = Gate(
    r"(?<![a-z0-9_])(?:from|to|src|dst|source|dest|destination|debit|credit|payer|payee|remitter|beneficiary)"
    r"(?:_?(?:acct|account)(?:_?(?:no|id|number))?)?[=:][ ]?\"?([0-9]{7,14})(?![0-9a-z.:\-])"
)
_HYPHENATED = Gate(r"(?<![0-9a-z\-./:])[0-9]{3,4}-[0-9]{3,6}-[0-9]{1,3}(?![0-9a-z\-/:]|\.[0-9])")
_HOLDERS = Sign("account|holder|deposit|withdr|口座|普通|当座")
_AMOUNTS = Sign("amount|transfer|payment|currency|jpy|振込|送金")
_BANKING = Sign("口座|振込|普通|当座|送金|引落|フリコミ|フリカエ|ニユウキン|ソウキン")
_SEVEN = Gate(r"[0-9](?<![0-9a-z.,\-/:_+][0-9])[0-9]{6}(?![0-9a-z\-./_]|[,，]?[0-9]|[ ]?[円件名人年月日回株万億千%])")
_HOLDER = Gate(
    r"(?:カ|ユ|ド|シ|メ|ザイ|シヤ|ガク|イ|シユウ|フク|ニツセイ)(?:\)|[.])[ァ-ヴー0-9a-z.\- ]{2,30}|[ァ-ヴ"
    r"ー][ァ-ヴー0-9a-z"
    r" ]{1,28}\((?:カ|ユ|ド|シ|メ"
    r"|ザイ|シヤ|ガク|イ)(?:\)|(?![ァ-ヴー]))"
)
_NOT_PLAIN = re.compile("[^0-9a-z]+")
_CORP_WORDS = Sign("法人番号|登録番号|インボイス|適格請求書|corporate number|invoice")


def detect_ibans(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for match in _IBAN.finditer(text):
        compact = match[0].translate(_SEPARATORS)
        length = _IBAN_LENGTHS.get(compact[:2])
        if length is None or len(compact) < length:
            continue
        if not _mod97(compact[:length]):
            continue
        end, count = match.start(), 0
        while count < length:
            count += text[end] not in " -"
            end += 1
        if not text[end : end + 1].isalnum():
            yield Hit(match.start(), end, Kind.IBAN, "iban", compact[:length])
    for match in _BESIDE_IBAN.finditer(text):
        if sum(map(str.isdigit, match[1])) >= _FEWEST_OF_IBAN:
            yield Hit(*match.span(1), Kind.IBAN, "iban", match[1].translate(_SEPARATORS))
    for match in _PRINTED_IBAN.finditer(folded.cased):
        if match[0][:2].lower() in _IBAN_LENGTHS:
            yield Hit(*match.span(), Kind.IBAN, "iban", match[0].lower().translate(_SEPARATORS))


def _mod97(iban: str) -> bool:
    """ISO 7064 MOD 97-10."""
    return int((iban[4:] + iban[:4]).translate(_LETTERS)) % 97 == 1


def detect_bics(folded: Folded) -> Iterator[Hit]:
    """ISO 9362 codes, in capitals, of countries that banks send to, beside a word of banking."""
    is_told_of = None
    for match in _BIC.finditer(folded.cased):
        code = match[0]
        if match[1] not in _BIC_COUNTRIES or _is_plain_word(code.lower()):
            continue
        if is_told_of is None:
            is_told_of = _BIC_WORD.may_match(folded.text)
        near = folded.text[max(0, match.start() - 40) : match.end() + 20]
        if code.endswith("XXX") or (
            is_told_of and (any(map(str.isdigit, code)) or _BIC_PLACE.match(code) or _BIC_WORD.pattern.search(near))
        ):
            yield Hit(match.start(), match.end(), Kind.BIC, "bic", code.lower())


def _is_plain_word(low: str) -> bool:
    return is_word(low, english())


@also_in_kanji
def detect_accounts(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for match in _ACCOUNT.finditer(text):
        yield _number(match, 1, Kind.ACCOUNT, "account")
    for match in _CODES.finditer(text):
        yield Hit(match.start(), match.end(), Kind.ACCOUNT, "zengin", "".join(match.groups()))
    for pattern in (_YUCHO, _YUCHO_WORDS):
        for match in pattern.finditer(text):
            yield Hit(match.start(1), match.end(2), Kind.ACCOUNT, "yucho", match[1] + match[2])
    for match in _BANK_IN_BRACKETS.finditer(text):
        yield _number(match, 1 if match[1] else 2, Kind.BRANCH, "bank-code")
    for match in _PARTS.finditer(text):
        yield _number(match, 0, Kind.ACCOUNT, "account")
    for match in _SLASHED.finditer(text):
        if match[0][0] == "0" or text[: match.start()].rstrip(" \u3000").endswith(_BEGINS_FIELD):
            yield _number(match, 0, Kind.ACCOUNT, "account")
    for match in _OF_PARTY.finditer(text):
        yield _number(match, 1, Kind.ACCOUNT, "swift")
    for match in _FIELDS.finditer(text):
        yield _number(match, 1, Kind.BRANCH, "branch-code")
        yield _number(match, 2, Kind.ACCOUNT, "account")
    for match in _SWIFT_ACCOUNT.finditer(text):
        yield _number(match, 1, Kind.ACCOUNT, "swift")
    for match in _IN_PATH.finditer(text):
        yield _number(match, 1, Kind.ACCOUNT, "path")
    if _HOLDERS.may_match(text):
        for match in _HYPHENATED.finditer(text):
            yield _number(match, 0, Kind.ACCOUNT, "account")
    if _AMOUNTS.may_match(text):
        for match in _TRANSFER.finditer(text):
            yield _number(match, 1, Kind.ACCOUNT, "transfer")
    if _BANKING.may_match(text):
        for match in _SEVEN.finditer(text):
            yield _number(match, 0, Kind.ACCOUNT, "account")
    for match in _BEHIND_BRANCH.finditer(text):
        yield _number(match, 1, Kind.ACCOUNT, "account")
    for pattern in (_BRANCH, _BRANCH_FIELD, _BRANCH_IN_BRACKETS):
        for match in pattern.finditer(text):
            yield _number(match, match.lastindex or 1, Kind.BRANCH, "branch-code")
    for match in _BANK_CODE.finditer(text):
        yield _number(match, 1, Kind.BRANCH, "bank-code")
    if not text.isascii():
        yield from zengin_records(text)
        for match in _HOLDER.finditer(text):
            yield Hit(match.start(), match.end(), Kind.ORG, "holder-kana", match[0].rstrip())


def _number(match: re.Match[str], group: int, kind: Kind, detector: str) -> Hit:
    return Hit(match.start(group), match.end(group), kind, detector, _NOT_PLAIN.sub("", match[group]))


@also_in_kanji
def detect_corporate_numbers(folded: Folded) -> Iterator[Hit]:
    """13 digits with the check digit of ordinance 70 of 2014 of the Ministry of Finance, article 2.

    Milliseconds since 1970 have 13 digits too: a number that could be such a time needs a telling word or its T.
    """
    text = folded.text
    for match in _REGISTERED.finditer(text):
        yield Hit(*match.span(), Kind.CORPNUMBER, "corporate-number", match[0][1:])
    is_told: bool | None = None
    for match in _CORPORATE.finditer(text):
        digits = re.sub("[^0-9]", "", match[1])
        if match[1] != digits and not re.fullmatch(r"[0-9]([ \-])[0-9]{4}\1[0-9]{4}\1[0-9]{4}", match[1]):
            continue
        if is_told is None:
            is_told = _CORP_WORDS.may_match(text)
        if _is_corporate(digits) and (
            is_told or match[0][0] == "t" or match[1] != digits or not "14" <= digits[:2] <= "19"
        ):
            yield Hit(match.start(), match.end(), Kind.CORPNUMBER, "corporate-number", digits)


def _is_corporate(digits: str) -> bool:
    total = sum(int(digit) * (2 if n % 2 else 1) for n, digit in enumerate(reversed(digits[1:])))
    return int(digits[0]) == 9 - total % 9
