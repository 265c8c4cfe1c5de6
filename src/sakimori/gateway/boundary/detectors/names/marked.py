"""People whom a word beside them marks: a role (受付 峠), a relative, a polite form in any script (Olena様, 東さん).

What names of roles announce is a name unless it is a word; so are one kanji and hiragana before さん. Common words that
stand in such places (確認 済, お客さん) are listed here.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from sakimori.gateway.boundary.detectors.names.spaced import TO_KATAKANA
from sakimori.gateway.boundary.detectors.search.gates import Gate
from sakimori.gateway.boundary.detectors.words.lexicon import english, japanese, listed
from sakimori.gateway.boundary.detectors.words.pieces import KANA, KANJI, is_common_hiragana, pieces_of
from sakimori.gateway.boundary.detectors.words.vocabulary import is_built
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.span import Hit, Kind

_ROLES = tuple(
    listed(
        "オペ 損調 文責 執行官 運転者 当番 発見者 送信者 差出人 回収責任者 当行 出席 欠席 担当 担当者 受付 受付者"
        " 起案 起案者 発信 発信者 管理 管理者 承認 承認者 照会元 照会者 照査 検印 検者 精査 記入者 作成 作成者"
        " 報告者 対応 対応者 連絡者 連絡先 記録 記録者 確認 確認者 審査 審査役 審査者 起票 起票者 査定 実査 点検者"
        " 操作者 登録者 申請者 依頼人 依頼者 使用者 利用者 所有者 賃借人 借主 貸主 債務者 保証人 相続人 委託者"
        " 受託者 受益者 後見人 契約者 被保険者 名義 名義人 受取人 専務 常務 取締役 役員 社長 会長 院長 園長 校長"
        " 理事 理事長 監事 店長 所長 公証人 書士 弁護士 税理士 会計士 社労士 主治医 担当医 指摘者 作業者 調査者"
        " 渉外 立会 立会人 オペレータ 窓口 宛名 長男 長女 次男 次女 三男 三女 通訳 運転手 代表 代表者 責任者"
        " 記帳者 発行者 購入者 通報者 届出人 申出人 来店者 おなまえ お名前 氏名"
    )
)
_ROLE = Gate(
    f"[{''.join(sorted({role[-1] for role in _ROLES}))}受検起照扱][ :]{{1,2}}"
    f"(?:[{KANJI}{KANA}]{{1,8}}(?:支店|本店|部|課|室|係) )?([{KANJI}]{{1,4}}(?: [{KANJI}]{{1,3}})?|[ぁ-ん]{{3,6}})"
    f"(?=[ \n、,。/(→)」・\"'さ様氏殿]|$)"
)
"""All that roles end with, before kanji: what stands before it is looked at then."""
_ONE_LETTER = re.compile(f"(?<![{KANJI}])[受検起照扱]$")
_LONGEST = max(map(len, _ROLES))
_OF_OFFICE = Gate(f"[{KANJI}](?:部|課|室|係|支店) ([{KANJI}]{{1,4}})(?= ?(?:様|さん|殿|氏)|\n|$)")
_NO_NAMES = listed(
    "不在 休暇 欠席 出社 在宅 受付 対応 承認 確認 済 未 有 無 可 否 要 不要 印 同 同上 同左 同右 本 本人 他 各 全"
    " 上 下 左 右 中 内 外 男 女 男性 女性 人 者 係 課 部 室 店 行 社 局 所 日 月 火 水 木 金 土 年 時 分 秒 円 件"
    " 名 回 様 殿 方 宛 後 前 間 別 等 型 式 率 計 値 点 番 号 票 書 証 券 数 量 以下 以上 未定 未済 未入力 空白"
    " 空欄 不明 変更 変更後 変更前 新規 解約 紛失 死亡 来店 電話 郵送 窓口 個人 法人 自筆 代筆 記名 押印 署名 捺印"
    " 省略 別紙 別途 下記 上記 左記 複数 当行 当庫 当社 弊社 貴社 貴行 先方 相手方 一同 各位"
)
_SPEAKS = Gate(r"(?:^|\n)([ぁ-んー]{2,6})(?=「)")
_CALLS = Gate("(?:[のは、。 \n「]|^)([ぁ-ん]{3,5})(?=です[。、\n!]|と申し)", needs="[ぁ-ん]{3}(?:です[。、\n!]|と申し)")
_EXTENSION = "\U00020000-\U0003134f"
_RARE = Gate(f"([{KANJI}]{{0,3}}[{_EXTENSION}][{KANJI}{_EXTENSION}]{{0,3}}(?: [{KANJI}{_EXTENSION}ぁ-ん]{{1,3}})?)")
"""Characters that have no place in the first plane stand in names."""
_BEFORE_POLITE = Gate(f"(?:[の、,。(「『 \n>:・がはを/→と]|^)([{KANJI}])(?=さん|くん|ちゃん|氏)")
_NOBODY = frozenset(
    "各皆神王殿先何奥若姫仏多同有両貴御一母父兄姉弟妹娘嫁妻夫婆爺客彼孫親星猫犬熊馬鳥魚店者人女男子社行医君摂攝某姓旧"
)
_KATAKANA_POLITE = Gate(f"(?<![{KANA}])([{KANA}]{{2}})(?=さん|様|氏|くん)")
_HIRAGANA_POLITE = Gate("[のと、,。(「 \n:>]([ぁ-ん]{2,6}?)(?=さん|様|くん|ちゃん|氏)(?!様[子々式])")
_KIN = listed(
    "おくさ おばあ おじい おばさ おじさ おばあさ おじいさ おかあ おとう おねえ おにい むすめ むすこ みな みなさ"
    " おきゃく おきゃくさ だんな おまわり おいしゃ おとなり ごめいわく おつかれ ごくろう たく お客 ばあ じい かあ"
    " とう ねえ にい あかちゃん おば おじ やま ぎょうしゃ"
)
_LATIN_POLITE = Gate(
    "(?<![a-z0-9@._/\\-])([a-z][a-z'\u2019.\\-]{1,20}(?:[ ,]{1,2}[a-z][a-z'\u2019.\\-]{0,20}){0,3}) ?"
    "(?=様|氏|さん|殿|先生)(?!様[子々式])",
    needs="[a-z.] ?(?:様|氏|さん|殿|先生)",
)


def detect_marked_people(folded: Folded) -> Iterator[Hit]:
    """In a text that is not ASCII alone."""
    text = folded.text
    for match in _ROLE.finditer(text):
        before = text[max(0, match.start() + 1 - _LONGEST) : match.start() + 1]
        if (before.endswith(_ROLES) or _ONE_LETTER.search(before)) and _is_person(match[1]):
            yield Hit(*match.span(1), Kind.PERSON, "marked", match[1])
    for match in _OF_OFFICE.finditer(text):
        if _is_person(match[1]):
            yield Hit(*match.span(1), Kind.PERSON, "marked", match[1])
    for match in _BEFORE_POLITE.finditer(text):
        if match[1] not in _NOBODY:
            yield Hit(*match.span(1), Kind.PERSON, "marked", match[1])
    for match in _KATAKANA_POLITE.finditer(text):
        if match[1] not in japanese().katakana_words:
            yield Hit(*match.span(1), Kind.PERSON, "marked", match[1])
    for match in _HIRAGANA_POLITE.finditer(text):
        if match[1] not in _KIN and not is_common_hiragana(match[1]):
            yield Hit(*match.span(1), Kind.PERSON, "marked", match[1])
    speakers = [match for match in _SPEAKS.finditer(text) if not is_common_hiragana(match[1])]
    for match in speakers if len(speakers) > 1 else ():
        yield Hit(*match.span(1), Kind.PERSON, "marked", match[1])
    for match in _CALLS.finditer(text):
        if match[1].translate(TO_KATAKANA) in japanese().kana_surnames and not is_common_hiragana(match[1]):
            yield Hit(*match.span(1), Kind.PERSON, "marked", match[1])
    for match in _RARE.finditer(text):
        yield Hit(*match.span(1), Kind.NAME, "marked", match[1])
    for match in _LATIN_POLITE.finditer(text):
        name = folded.cased[match.start(1) : match.end(1)]
        if name[0].isupper() and any(_is_name(word) for word in name.split()):
            yield Hit(*match.span(1), Kind.PERSON, "marked", match[1])


@lru_cache(8_192)
def _is_person(kanji: str) -> bool:
    """Whether kanji that a role announces can be a name: no word, and not made of words alone."""
    if kanji in _NO_NAMES:
        return False
    lexicon = japanese()
    if kanji[0] < "\u3100":
        return not is_common_hiragana(kanji)
    if kanji in lexicon.surnames:
        return True
    surname, _, given = kanji.partition(" ")
    if given:
        return not _is_words(surname) or (surname in lexicon.surnames and not _is_words(given))
    return kanji not in lexicon.titles and kanji not in lexicon.organisation_endings and not _is_words(kanji)


def _is_words(kanji: str) -> bool:
    common = ("word", "title", "org-ending", "place-ending", "event-ending", "form")
    return len(kanji) > 1 and all(piece.what in common for piece in pieces_of(kanji))


@lru_cache(4_096)
def _is_name(word: str) -> bool:
    low = word.strip(".,").lower()
    lexicon = english()
    return len(low) > 1 and (low in lexicon.given or low in lexicon.surnames or not is_built(low))
