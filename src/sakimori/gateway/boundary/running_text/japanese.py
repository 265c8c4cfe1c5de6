"""Names in Japanese running text: proper nouns of the dictionary, words it does not know, and what grows on to them.

Whatever found a name, its end is a guess where no space marks it. So a name takes in what touches it and is no word of
its own: characters that a dictionary read one by one, unknown words, and the ending that makes it an organisation or a
place (``電力``, ``公園``). A name that is found once in a text is one wherever it stands in it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files

from sakimori.gateway.boundary.detectors.words.lexicon import japanese
from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.running_text.english import is_common
from sakimori.gateway.boundary.running_text.morphology import Word, sentences
from sakimori.gateway.boundary.span import Hit, Kind

DETECTOR = "morphology"
_KATAKANA_WORD = re.compile(r"[ァ-ヴー]{3,}")
_KATAKANA_NAME = re.compile(r"[ァ-ヴー]+(?:[・=](?:[a-z]\.?[・=])?[ァ-ヴー]+)+")
"""A foreigner's name, its parts and initials joined by middle dots; the full-width equals sign folds to ``=``."""
_KANJI = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff々]+")
_HIRAGANA = re.compile("[ぁ-ん]{3,}")
_JOINTS = frozenset({"", " ", "・", "="})
_KINDS = {"人名": Kind.PERSON, "地名": Kind.PLACE, "組織名": Kind.ORG}
_NAMES = frozenset({Kind.PERSON, Kind.ORG, Kind.PLACE, Kind.NAME, Kind.ADDRESS})
_NOUN_LIKE = frozenset({"名詞", "接頭辞", "接尾辞", "形状詞"})
_AFFIXES = frozenset(
    "様殿氏君嬢側的等間内外中前後上下発着行宛宅家性化版型式製産系派流語人者員長部課係店局社室班組国州軍線駅通便号年月日時分秒円件名回度位番級用別毎付"
    "当沿元兼役作著編談夫妻父母兄弟姉妹親御市区町村県都府道郡丁旧新各同本対在現故約第全両他翌昨今再最副総大小高低東西南北左右初次約非未不無被要主諸"
    "何数計比率額料金代費書状券証品物体所場地点方面口座法案件策力量値差感論説学会党派賞杯戦式祭"
)
"""Characters that are words or parts of words beside a name as well as within one."""
_SHORTEST_REPEATED = 2
_kinds = tuple(Kind)


@cache
def _no_names() -> frozenset[str]:
    lines = files("sakimori").joinpath("content/boundary/no-names-ja.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


@cache
def _common() -> frozenset[str]:
    lexicon = japanese()
    return _no_names() | lexicon.words | lexicon.katakana_words | lexicon.titles


def names_nobody(folded: str) -> bool:
    """Whether a whole claim is one common word, whatever a model takes it for."""
    return folded in _common() or (folded.isascii() and is_common(folded))


@cache
def _endings() -> dict[str, Kind]:
    lexicon = japanese()
    places = dict.fromkeys(lexicon.place_endings, Kind.PLACE)
    return (
        places
        | dict.fromkeys(lexicon.event_endings, Kind.NAME)
        | dict.fromkeys(lexicon.organisation_endings | lexicon.businesses, Kind.ORG)
    )


def detect_names(folded: Folded, claims: Sequence[Hit] = ()) -> Iterator[Hit]:
    """``claims``: what others found in the text; names among them are grown as well."""
    text = folded.text
    marks: bytearray | None = None
    for words in sentences(text):
        if marks is None:
            marks = _marks(text, claims)
        own = list(_of_dictionary(text, words))
        for hit in own:
            _mark(marks, hit)
        yield from own
        yield from _grown(text, words, marks)


def _marks(text: str, claims: Iterable[Hit]) -> bytearray:
    """For each code point 1 + the number of the kind of name that was found there; 0: none."""
    marks = bytearray(len(text))
    for hit in claims:
        if hit.kind in _NAMES:
            _mark(marks, hit)
    return marks


def _mark(marks: bytearray, hit: Hit) -> None:
    marks[hit.start : hit.end] = bytes((1 + _kinds.index(hit.kind),)) * (hit.end - hit.start)


def _of_dictionary(text: str, words: Sequence[Word]) -> Iterator[Hit]:
    """People, places and organisations that the dictionary knows, and words in katakana or kanji that it does not."""
    person: tuple[int, int] | None = None
    for word in words:
        kind = _kind(word)
        if kind is Kind.PERSON:
            # Family name and given name are one person.
            if person is not None and text[person[1] : word.start] in _JOINTS:
                person = (person[0], word.end)
            else:
                if person is not None:
                    yield _hit(text, *person, Kind.PERSON)
                person = (word.start, word.end)
        elif kind is not None:
            yield _hit(text, word.start, word.end, kind)
    if person is not None:
        yield _hit(text, *person, Kind.PERSON)
    if words:
        for name in _KATAKANA_NAME.finditer(text, words[0].start, words[-1].end):
            yield _hit(text, *name.span(), Kind.PERSON)


def _kind(word: Word) -> Kind | None:
    if word.surface in _no_names() or (word.surface.isascii() and is_common(word.surface)):
        return None
    if word.part_of_speech[1] == "固有名詞":
        return _KINDS.get(word.part_of_speech[2], Kind.NAME)
    if (word.is_unknown and _KATAKANA_WORD.fullmatch(word.surface)) or _is_unknown_kanji(word):
        return Kind.NAME
    return None


def _is_unknown_kanji(word: Word) -> bool:
    return (
        word.is_unknown
        and len(word.surface) >= 2
        and _KANJI.fullmatch(word.surface) is not None
        and word.part_of_speech[1] != "数詞"
    )


def _grown(text: str, words: Sequence[Word], marks: bytearray) -> Iterator[Hit]:
    for run in _runs(words):
        named = [index for index, word in enumerate(run) if any(marks[word.start : word.end])]
        if named:
            yield from _around(text, run, named, marks)
        yield from _read_one_by_one(text, run)


def _runs(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Words that could be parts of one name, each touching the next."""
    run: list[Word] = []
    for word in words:
        if word.part_of_speech[0] in _NOUN_LIKE or word.is_unknown:
            if run and run[-1].end != word.start:
                yield run
                run = []
            run.append(word)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _around(text: str, run: list[Word], named: list[int], marks: bytearray) -> Iterator[Hit]:
    position = 0
    for index in named:
        if index < position:
            continue
        first = last = index
        while last + 1 < len(run) and (last + 1 in named or _grows(run[last + 1])):
            last += 1
        ending = max((n for n in range(last + 1, len(run)) if run[n].surface in _endings()), default=None)
        kind = _kinds[max(marks[run[index].start : run[index].end]) - 1]
        if ending is not None:
            last, kind = ending, _endings()[run[ending].surface]
        while first > position and _grows(run[first - 1]):
            first -= 1
        position = last + 1
        start, end = run[first].start, run[last].end
        if not all(marks[start:end]):
            yield _hit(text, start, end, kind)


def _grows(word: Word) -> bool:
    """Whether a word beside a name belongs to it: the dictionary has none such, or read it character by character."""
    if word.part_of_speech[1] == "数詞" and not _KANJI.fullmatch(word.surface):
        return False
    if len(word.surface) == 1:
        return _is_letter_of_name(word)
    return _is_unknown_kanji(word) or _is_rare(word)


def _is_rare(word: Word) -> bool:
    """A noun in kanji or hiragana that is neither a deed, nor a time, nor a word of everyday business."""
    return (
        word.part_of_speech[:3] == ("名詞", "普通名詞", "一般")
        and (_KANJI.fullmatch(word.surface) is not None or _HIRAGANA.fullmatch(word.surface) is not None)
        and not names_nobody(word.surface)
    )


def _is_letter_of_name(word: Word) -> bool:
    return word.surface not in _AFFIXES and _KANJI.fullmatch(word.surface) is not None


def _read_one_by_one(text: str, run: list[Word]) -> Iterator[Hit]:
    """Two characters or more in a row that the dictionary could only read one by one."""
    start = None
    count = 0
    for word in [*run, None]:
        if (
            word is not None
            and len(word.surface) == 1
            and _is_letter_of_name(word)
            and word.part_of_speech[1] != "数詞"
        ):
            start = word.start if start is None else start
            count += 1
            continue
        if start is not None and count >= 2:
            yield _hit(text, start, start + count, Kind.NAME)
        start, count = None, 0


def _hit(text: str, start: int, end: int, kind: Kind) -> Hit:
    return Hit(start, end, kind, DETECTOR, text[start:end])
