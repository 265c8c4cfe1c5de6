"""What is written beside a card's number: when it expires and its security code (ISO/IEC 7813; PCI DSS 3.3).

An expiry date is told by a word (``exp``, 有効期限), by the number of its field (ISO 8583, field 14), or by standing
right behind the number of a card.
"""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate, Sign
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_MONTH = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"(?:20)?[2-4][0-9]"
_DATE = (
    rf"(?:{_MONTH} ?[/\-.] ?{_YEAR}|{_YEAR} ?[/\-.年] ?{_MONTH}月?|{_MONTH}月 ?/? ?{_YEAR}年?"
    rf"|{_MONTH}{_YEAR}|{_YEAR}(?:0[1-9]|1[0-2]))(?!(?!/[0-9]{{3,4}}(?![0-9/]))[0-9/\-.:][0-9]|[0-9])"
)
_BEHIND = re.compile(
    r"(?:[\"']?,\s{0,3}[\"'][a-z_]{1,20}[\"']\s?:\s?[\"']|[ \t|,;:/(\"'、_\-=]{1,6})"
    r"(?:(?:and |の)?(?:exp[a-z]*|valid[a-z ]*|good (?:thru|through)|有効期限|期限)[^0-9a-z\n]{0,6})?"
    rf"(?:[a-zァ-ヴー][a-zァ-ヴー.\-]{{0,20}} [a-zァ-ヴー][a-zァ-ヴー. \-]{{0,24}}[ ,|;/\t]{{1,12}})?({_DATE})"
    r"(?:(?:[\"']?,\s{0,3}[\"'][a-z_]{1,20}[\"']\s?:\s?[\"']|[ \t]?[,|/; \t][ \t]?|[\"'],[ ]?[\"'])"
    r"([0-9]{3,4})(?![0-9.,/:\-]?[0-9])(?! ?(?:円|yen|jpy|usd|eur|件|回)))?"
)
"""An expiry date right behind the number of a card, in whatever separates them, and the code behind it."""
_EXPIRY = Gate(
    r"(?:(?<![a-z])(?:card[_ \-]?)?exp(?:iry|ires?|iration|\.)?(?: ?date)?|valid ?(?:thru|through|until|till|to)"
    r"|good ?(?:thru|through)|有効期限|期限|有効|満了|de-?0?14|f0?14|field 0?14)(?![a-z])[^0-9a-z\n]{0,12}"
    rf"(?:[a-z]{{2,7}} ){{0,4}}[はが]?({_DATE})"
)
_PART = Gate(
    r"exp(?:iry|iration|ire)?[_\- ]?(?:month|year|mm|yy|yyyy)[\"']?\s{0,2}[:=]\s{0,2}[\"']?([0-9]{1,4})(?![0-9.])"
)
"""The month or the year, in fields of their own."""
_UNITS = "one|two|three|four|five|six|seven|eight|nine"
_IN_WORDS = Gate(
    r"(?<![a-z])exp(?:iry|ires?|iration)?(?: date)?[ :,]{1,3}(?:is |on |of |in )?"
    r"((?:january|february|march|april|may|june|july|august|september|october|november|december"
    rf"|{_UNITS}|ten|eleven|twelve)[ ,/]{{1,2}}(?:of )?"
    rf"(?:twenty|thirty|20[0-9]{{2}}|[2-4][0-9])(?:[\- ](?:{_UNITS}|twenty)(?:[\- ](?:{_UNITS}))?)?)(?![a-z0-9])"
)
_CODE = Gate(
    r"(?:(?<![a-z])(?:cvv2?|cvc2?|cvn|csc|cid|security code)(?![a-z])"
    r"|(?:digits?|numbers?|code) (?:at|on) the back|セキュリティー?コード|裏[面側]|裏の(?=[34]桁))"
    r"(?:[^0-9a-z\n]|is|was|are|number|reads?){0,12}(?:[34]桁[^0-9\n]{0,8})?([0-9]{3,4})(?![0-9桁])(?!,[0-9]|\.[0-9])"
)
_CARDS = Sign(
    r"(?<![a-z])(?:card|pan|visa|master ?card|amex|diners|jcb|cvv|cvc|debit|credit|de-?2)(?![a-z])|カード|クレジット"
    r"|[0-9]{4}[ \-]?[0-9]{4}[ \-]?[0-9]{4}|[0-9]{4}[ \-]?[0-9]{6}[ \-]?[0-9]{4,5}"
)
"""Many things expire; a card's date is hidden where the text speaks of cards or holds the number of one."""


def detect_card_details(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for pattern in (_IN_WORDS, _CODE):
        for match in pattern.finditer(text):
            yield Hit(*match.span(1), Kind.CARD, "card-detail", match[1])
    for pattern in (_EXPIRY, _PART):
        if pattern.may_match(text) and _CARDS.may_match(text):
            for match in pattern.finditer(text):
                yield Hit(*match.span(1), Kind.CARD, "card-detail", match[1])


def behind_card(text: str, end: int) -> Iterator[Hit]:
    """The expiry date and the code behind a card's number that ends at ``end``."""
    match = _BEHIND.match(text, end)
    for group in (1, 2) if match else ():
        if match and match[group]:
            yield Hit(*match.span(group), Kind.CARD, "card-detail", match[group])
