"""Secrets that are no passwords: phrases that wallets are recovered with, answers to questions, combinations of safes,
components of keys of hardware security modules."""

import re
from collections.abc import Iterator

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_PHRASE = Gate(
    r"(?:(?:recovery|seed|backup|secret|wallet|復元|リカバリー?|シード|秘密の)"
    r"[ ]?(?:phrase|words|seed|フレーズ|ワード|文字列|単語|コード)|mnemonic|ニーモニック)[^\n]{0,40}?"
    r"((?<![a-z])(?:[0-9]{1,2}[.)] ?)?[a-z]{3,8}(?:[ ,、]{1,2}(?:[0-9]{1,2}[.)] ?)?[a-z]{3,8}){11,23})(?![a-z])",
    needs=r"(?:recovery|seed|backup|secret|wallet|復元|リカバリー?|シード|秘密の)"
    r"[ ]?(?:phrase|words|seed|フレーズ|ワード|文字列|単語|コード)|mnemonic|ニーモニック",
    within=20,
)
"""Twelve or more words (BIP 39)."""
_SENTENCE = re.compile(r"(?<![a-z])(?:the|and|to|of|is|was|are|in|with|for|that|your|you)(?![a-z])")
_COMBINATION = Gate(
    r"(?:[右左][ に]?[0-9]{1,3}回?[ 、,→\-]{0,3}){2,5}[右左][ に]?[0-9]{1,3}(?![0-9])"
    r"|(?:(?:left|right) [0-9]{1,2}[ ,/\-]{1,3}){2,5}(?:left|right) [0-9]{1,2}(?![0-9])"
)
_COMPONENT = Gate(
    r"(?:component|zmk|tmk|lmk|kek|成分|鍵)[^\n]{0,40}?"
    r"(?<![0-9a-f])((?:[0-9a-f]{4}[ \-]){7,15}[0-9a-f]{4})(?![0-9a-f])",
    needs=r"(?:[0-9a-f]{4}[ \-]){7}[0-9a-f]{4}",
)
_QUESTION = Gate(
    r"(?:memorable (?:place|name|word|date)|secur(?:ity|e) (?:question|answer)|secret (?:question|answer)|maiden name"
    r"|秘密の(?:質問|答え)|合言葉の確認)[^\n]{0,160}"
)
_ANSWER = re.compile(
    r"(?:given|expected|answer(?:ed)?(?: is| was)?|correct|said|is|was|回答|答え|正解)[ :は]{0,3}"
    r"[\"「]([^\"」]{2,60})[\"」]"
)
_KEY = Gate(
    r"(?:鍵|キー|key|secret|token|psk|seed|share|シェア)(?<!public[ _]key)(?<!publickey)[ _:=0-9a-z#「」\"']{1,12}"
    r"(?<![a-z0-9+/=])([a-z0-9+/]{42,88}={1,2})(?![a-z0-9+/=])",
    needs=r"[a-z0-9+/]{42,88}=",
)
"""Keys in Base64."""


def detect_given_secrets(folded: Folded) -> Iterator[Hit]:
    text = folded.text
    for match in _PHRASE.finditer(text):
        if not _SENTENCE.search(match[1]):
            yield Hit(*match.span(1), Kind.SECRET, "recovery-phrase", match[1])
    for match in _COMBINATION.finditer(text):
        yield Hit(*match.span(), Kind.SECRET, "combination", match[0])
    for pattern, name in ((_COMPONENT, "key-component"), (_KEY, "key-form")):
        for match in pattern.finditer(text):
            yield Hit(*match.span(1), Kind.SECRET, name, match[1])
    for question in _QUESTION.finditer(text):
        for match in _ANSWER.finditer(text, question.start(), question.end()):
            yield Hit(*match.span(1), Kind.SECRET, "answer", match[1])
