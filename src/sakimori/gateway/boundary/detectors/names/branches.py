"""Branches of banks, which are called as the towns are that they stand in: told by what stands around them."""

import re
from collections.abc import Iterator
from functools import lru_cache

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.lexicon import japanese, listed
from sakimori.gateway.boundary.detectors.words.pieces import KANA, KANJI, is_common_hiragana, is_unknown, pieces_of
from sakimori.gateway.boundary.span import Hit, Kind

_KATAKANA = re.compile(f"[{KANA}]+")
_NAME = f"[{KANJI}{KANA}ぁ-ん]"
_OF_ACCOUNT = Gate(
    f"(?<!{_NAME})({_NAME}{{1,8}})[ /](?=(?:普通?|当座?|貯蓄?|定期?|総合)(?:預金)?[ /:]?[0-9]{{6,7}}(?![0-9]))",
    needs="[ /](?:普通?|当座?|貯蓄?|定期?|総合)(?:預金)?[ /:]?[0-9]{6}",
)
"""Before the kind of an account and its number."""
_OF_NUMBER = Gate(
    f"(?:[(「\n\t・→]|^)({_NAME}{{2,8}})[ \t](?=[0-9]{{7}}(?![0-9\\-]))",
    needs=f"{_NAME}[ \t][0-9]{{7}}",
    within=18,
)
_OPENED = Gate(f"(?<![{KANJI}])([{KANJI}]{{2,5}})で(?=の?[おご]?(?:開設|口座開設|口座を|取引))")
_LABELLED = Gate(
    "(?:申出先|取引店|口座店|店名|支店名|管轄店|受付店|来店店舗|勘定店|開設店|所属店|担当店|取扱店|僚店)[ :]{1,2}"
    f"({_NAME}{{2,8}})(?=[ \n/,、(]|$)"
)
_CODE = Gate(r"(?<![0-9.\-])([0-9]{3})(?=[ \-/・]{1,2}(?:普通?|当座?|貯蓄)[ \-/・:]{0,2}[0-9]{7}(?![0-9]))")
_CODE_LABELLED = Gate(
    r"(?:店番号?|支店(?:番号|コード)|店舗コード|店コード|tenban|tenpo_?cd|shiten(?:_?cd)?|branch_?(?:code|cd|no))"
    r"[^0-9a-z\nぁ-ん、。]{1,8}([0-9]{3,4})(?![0-9])"
)
_IN_RECORD = Gate(f"(?<![0-9.,:/])([0-9]{{3,5}})(?=[{KANA}]{{2,15}}(?:  |\n|$))")
"""Of banks and branches in records of fixed length, before their names in kana."""
_NO_BRANCHES = listed(
    "口座 普通 当座 残高 金額 名義 番号 口座番号 名義人 種別 科目 店番 店名 支店 支店名 銀行 本人 当行 他行 自行"
    " 先方 当方 入金 出金 振込 振込先 引落 引落口座 受取 受取人 依頼人 預金 貯金 定期 積立 融資 返済 返済口座 証書"
    " 通帳 伝票 全店 各店 本支店 新規 解約 当店 御行 貴行 仕向 被仕向 窓口 店頭 来店 電話 郵送 対面 単独 共同 連名"
    " 個別 一括 別途 過去 以前 今回 前回 海外 国内 現地 両方"
)
_NO_ENDS = ("名義", "様", "口座", "分", "番号", "御中", "氏")


def detect_branches(text: str) -> Iterator[Hit]:
    for pattern in (_CODE, _CODE_LABELLED):
        for match in pattern.finditer(text):
            yield Hit(*match.span(1), Kind.BRANCH, "branch-code", match[1])
    for match in _IN_RECORD.finditer(text):
        name = _KATAKANA.match(text, match.end(1))
        if name and name[0] not in japanese().katakana_words and is_unknown(name[0]):
            yield Hit(match.start(1), name.end(), Kind.BRANCH, "branch-code", match[1] + name[0])
    for pattern in (_OF_ACCOUNT, _OF_NUMBER, _OPENED, _LABELLED):
        for match in pattern.finditer(text):
            if _is_branch(match[1]):
                yield Hit(*match.span(1), Kind.BRANCH, "branch-name", match[1])


@lru_cache(4_096)
def _is_branch(name: str) -> bool:
    if name in japanese().surnames or name in japanese().places:
        return True
    if name in _NO_BRANCHES or name.endswith(_NO_ENDS) or name in japanese().words or name in japanese().katakana_words:
        return False
    if name[0] < "\u30a0":
        return not is_common_hiragana(name)
    return any(piece.what not in ("word", "title", "org-ending", "event-ending", "form") for piece in pieces_of(name))
