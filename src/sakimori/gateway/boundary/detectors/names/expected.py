"""Firms where one is expected, whatever they are called: 勤務先 丸福水産加工, 申込人 朝の台所, 仕入先は三陸まるごと.

What stands behind such a word is a name unless it is made of nothing but words that say something of it (退職済, 本人).
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.lexicon import japanese, listed
from sakimori.gateway.boundary.detectors.words.pieces import KANA, KANJI, is_common_hiragana, pieces_of
from sakimori.gateway.boundary.span import Hit, Kind

_LABELS = tuple(
    listed(
        "勤務先 勤め先 申込人 申込者 申込先 請求先 債務者 債権者 第三債務者 振込先 送金先 受取人 事業者 事業者名"
        " 仕入先 販売先 得意先 取引先 委託先 委託者 受託者 外注先 発注先 発注者 納入先 納品先 依頼人 契約者 契約先"
        " 加入者 テナント 貸出先 融資先 借入人 支払先 支払企業 入金元 加盟店 代理店 販売店 管理会社 警備会社"
        " 運送会社 保険会社 開発会社 保守会社 荷主 荷受人 元請 下請 買主 売主 施主 訪問先 就職先 派遣先 転職先"
        " 出向先 業者 保守業者 交換業者 ベンダ ベンダー 会社名 屋号 商号 法人名 お客様 お客さま 顧客 先方"
        " 相手先 問合せ先 お勤め先 ご勤務先 ご契約者 収納企業 開設依頼人 受益者 通知銀行 仕向銀行 後見法人 運営"
        " 運営会社 施工 設計 製造元 販売元 発売元 出店者"
    )
)
_IN_SENTENCES = (
    *(
        "勤務先",
        "勤め先",
        "仕入先",
        "販売先",
        "得意先",
        "取引先",
        "委託先",
        "外注先",
        "納入先",
        "訪問先",
        "請求先",
        "融資先",
    ),
    *("テナント", "加盟店", "管理会社", "警備会社", "運送会社", "業者", "荷主", "債務者"),
)
_NAME = f"[{KANJI}{KANA}ぁ-ん]"
_LAST = "".join(sorted({label[-1] for label in _LABELS}))
"""What labels end with: whether one does is looked at then."""
_LABELLED = Gate(f'[{_LAST}](?:[ :│]{{1,3}}|[ :]?[「『"])({_NAME}{{1,16}})(?=[ \n、。(」』/,│"]|$)')
_SPOKEN = Gate(f"[先者店社ト主][のは]({_NAME}{{2,16}})(?=[ \n、。(」』/,]|$)")
_ADDRESSED = Gate(f"({_NAME}{{2,16}})(?= ?御中)", needs=f"{_NAME} ?御中")
_LONGEST = max(map(len, _LABELS))
_ENDS = re.compile(
    "(?:さん|さま|様|御中|殿|氏)?(?:(?:に|へ|で|が|を|は|も|と|から|より|まで|の)(?:[^ぁ-ん].*|)|です|でした|だ|向け.*|宛て?.*|への.*)?$"
)
"""What follows a name in a sentence."""
_SENTENCE = re.compile(
    f"(?<=[{KANJI}{KANA}])[はがをにへもや](?![ぁ-ん])|です|ます|した|する|ない|って|ため|から|まで|より|いる|ある|れる|せる|たい|なり|なら|ので"
)
_JOINED = re.compile("[のと]")
_NOBODY = listed(
    "本人 会社 当社 弊社 自社 他社 自宅 口座 家族 父 母 妻 夫 子 親 店 職場 現地 先方 法人 個人 名義 同上 不明"
    " 未定 勤務先 無職 自営 自営業 年金 退職 退職済 同左 学生 主婦 公務員 会社員 団体 各社 全社 複数 該当 該当者"
    " なし 無し 有り あり 以下 下記 上記 別紙 変更 確認 確認中 一覧 銀行 金融機関 当行 他行 自行 本店 支店 担当"
    " 担当者 代表 代表者 窓口 電話 住所 氏名 番号 情報 情報等 方 方々 側 件 件数 数 金額 同意 承諾 了解 皆様"
    " 皆さま みなさま ご本人 ご家族 奥様 ご主人 代理人 親族 遺族 相続人 配偶者 ニーズ 声 要望 依頼 都合 資料 書類"
    " 連絡先 名前 通り"
)


def detect_expected(text: str) -> Iterator[Hit]:
    for match in _LABELLED.finditer(text):
        if _follows_label(text, match.start()) and (name := _name(match[1], False)):
            yield Hit(match.start(1), match.start(1) + len(name), Kind.ORG, "expected", name)
    for match in _SPOKEN.finditer(text):
        label = text[max(0, match.start() + 1 - _LONGEST) : match.start() + 1]
        if label.endswith(_IN_SENTENCES) and (name := _name(match[1], True)):
            yield Hit(match.start(1), match.start(1) + len(name), Kind.ORG, "expected", name)
    for match in _ADDRESSED.finditer(text):
        if not _SENTENCE.search(match[1]) and match[1] not in _NOBODY and not _is_common(match[1]):
            yield Hit(*match.span(1), Kind.ORG, "expected", match[1])


def _follows_label(text: str, end: int) -> bool:
    return text[max(0, end + 1 - _LONGEST) : end + 1].endswith(_LABELS)


@lru_cache(8_192)
def _name(run: str, in_sentence: bool) -> str:
    """The name that a run begins with; empty where words do. ``in_sentence``: no form has it alone."""
    for size in range(len(run), 1 - (not in_sentence), -1):
        if _ENDS.match(run, size) and _is_name(run[:size], in_sentence):
            return run[:size]
    return ""


def _is_name(name: str, in_sentence: bool) -> bool:
    lexicon = japanese()
    if _SENTENCE.search(name) or name in _NOBODY or name in lexicon.words or name in lexicon.katakana_words:
        return False
    parts = _JOINED.split(name)
    if not all(parts) or any(part in _NOBODY for part in parts):
        return False
    return any(not _is_common(part) for part in parts) or (len(parts) > 1 and not in_sentence)


def _is_common(part: str) -> bool:
    words = all(piece.what in _WORDS for piece in pieces_of(part))
    return words and all(is_common_hiragana(stretch) for stretch in re.findall("[ぁ-ん]+", part) if len(stretch) > 1)


_WORDS = ("word", "title", "place-ending", "event-ending", "form", "org-ending")
