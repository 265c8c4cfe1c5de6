"""The words that detectors know: names, places, forms of organisations, and words that are no names.

They are files in ``content/boundary/``, for people to read and change. Everything is folded as texts are (``fold``).
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from sakimori.gateway.boundary.fold import fold

_SMALL_VOWELS = dict(zip("ぁぃぅぇぉ", "aiueo", strict=True))
_SMALL = dict(zip("ゃゅょ", ("ya", "yu", "yo"), strict=True))
_HEPBURN = {
    **dict(zip("あいうえおん", ("a", "i", "u", "e", "o", "n"), strict=True)),
    **{
        kana: consonant + vowel
        for row, consonant in (
            ("かきくけこ", "k"),
            ("さしすせそ", "s"),
            ("たちつてと", "t"),
            ("なにぬねの", "n"),
            ("はひふへほ", "h"),
            ("まみむめも", "m"),
            ("らりるれろ", "r"),
            ("がぎぐげご", "g"),
            ("ざじずぜぞ", "z"),
            ("だぢづでど", "d"),
            ("ばびぶべぼ", "b"),
            ("ぱぴぷぺぽ", "p"),
        )
        for kana, vowel in zip(row, "aiueo", strict=True)
    },
    **dict(zip("やゆよわを", ("ya", "yu", "yo", "wa", "o"), strict=True)),
    **dict(zip("しちつふじぢづ", ("shi", "chi", "tsu", "fu", "ji", "ji", "zu"), strict=True)),
}
_SHORTEST = 2
"""Longer names of towns are told without what kind of town they are."""
_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}


@dataclass(frozen=True, slots=True)
class Japanese:
    surnames: frozenset[str]
    given: frozenset[str]
    surname_firsts: frozenset[str]
    """Characters that two-character surnames begin with."""
    surname_lasts: frozenset[str]
    given_firsts: frozenset[str]
    given_lasts: frozenset[str]
    kana_surnames: frozenset[str]
    """In katakana, as all kana here."""
    kana_given: frozenset[str]
    words: frozenset[str]
    katakana_words: frozenset[str]
    hiragana_words: frozenset[str]
    """Words and ends of words that are written so."""
    places: frozenset[str]
    areas: frozenset[str]
    """Places that are also written without what kind of place they are."""
    katakana_places: frozenset[str]
    titles: frozenset[str]
    polite_words: frozenset[str]
    """Words that end like a person with an honorific and are none."""
    organisations: frozenset[str]
    organisation_endings: frozenset[str]
    trade_endings: frozenset[str]
    """Those of them that make an organisation of whatever stands before them, but of ``generic`` words."""
    generic: frozenset[str]
    businesses: frozenset[str]
    """What stands behind a firm's name, or makes a firm of the name of a place or family."""
    place_endings: frozenset[str]
    event_endings: frozenset[str]
    company_forms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class English:
    given: frozenset[str]
    """Among them romanised Japanese ones."""
    surnames: frozenset[str]
    joining: frozenset[str]
    """Small words within surnames: von, de, bin."""
    syllables: frozenset[str]
    """Parts of East and South Asian names; some are words."""
    words: frozenset[str]
    terms: frozenset[str]
    """Words that terms, titles and headings are made of."""
    places: frozenset[str]
    """One or several words, small letters."""
    nationalities: frozenset[str]


def listed(words: str) -> frozenset[str]:
    """Words that are written one after another."""
    return frozenset(words.split())


@cache
def japanese() -> Japanese:
    surnames, kana_surnames = _names("surnames-ja.txt")
    given, kana_given = _names("given-names-ja.txt")
    words, places, forms = _lists("words-ja.yaml"), _lists("places-ja.yaml"), _lists("forms-ja.yaml")
    no_places = words["kanji"] | places.pop("words")
    every_place = frozenset[str]().union(*places.values())
    two = [name for name in surnames if len(name) == 2]
    pairs = [name for name in given if len(name) == 2 and not name[-1] <= "\u30ff"]
    return Japanese(
        surnames=surnames,
        given=frozenset(name for name in given if any(character > "\u30ff" for character in name)),
        surname_firsts=frozenset(name[0] for name in two),
        surname_lasts=frozenset(name[1] for name in two),
        given_firsts=frozenset(name[0] for name in pairs) | forms["given_characters"],
        given_lasts=frozenset(name[1] for name in pairs) | forms["given_characters"],
        kana_surnames=frozenset(name.translate(_KATAKANA) for name in kana_surnames),
        kana_given=frozenset(name.translate(_KATAKANA) for name in kana_given),
        words=words["kanji"] | words["kanji_software"],
        hiragana_words=frozenset(_text("hiragana-ja.txt").split()),
        katakana_words=words["katakana"] | words["katakana_software"],
        places=every_place
        | {name[:-1] for name in places["prefectures"] if name != "北海道"}
        | {name[:-1] for name in places["municipalities"] if len(name) > _SHORTEST and name[:-1] not in no_places},
        areas=places["areas"],
        katakana_places=frozenset(place for place in every_place if place[0] < "\u3100"),
        titles=forms["titles"],
        polite_words=words["honorific_words"],
        organisations=forms["organisations"] | forms["banks"],
        organisation_endings=forms["organisation_endings"],
        trade_endings=forms["trade_endings"],
        generic=forms["generic"],
        businesses=forms["businesses"],
        place_endings=forms["place_endings"],
        event_endings=forms["event_endings"],
        company_forms=tuple(sorted(forms["company_forms"], key=len, reverse=True)),
    )


@cache
def english() -> English:
    names = _lists("names-en.yaml")
    places = _lists("places-en.yaml", separator="|")
    nationalities = places.pop("nationalities")
    _, kana_surnames = _names("surnames-ja.txt")
    _, kana_given = _names("given-names-ja.txt")
    return English(
        given=names["given"] | {spelling for name in kana_given for spelling in _romanised(name)},
        surnames=names["surnames"] | {spelling for name in kana_surnames for spelling in _romanised(name)},
        joining=names["joining"],
        syllables=names["syllables"],
        words=frozenset(_text("words-en.txt").split()),
        terms=frozenset(_text("terms-en.txt").split()),
        places=frozenset[str]().union(*places.values()),
        nationalities=nationalities,
    )


def _text(name: str) -> str:
    lines = files("sakimori.content").joinpath("boundary", name).read_text("utf-8").splitlines()
    return fold("\n".join(line for line in lines if not line.startswith("#"))).text


def _lists(name: str, separator: str | None = None) -> dict[str, frozenset[str]]:
    content: dict[str, str] = yaml.load(_text(name), Loader=yaml.CSafeLoader)
    return {key: frozenset(word.strip() for word in words.split(separator)) for key, words in content.items()}


def _names(name: str) -> tuple[frozenset[str], frozenset[str]]:
    """The spellings in a list of names, and their readings in hiragana."""
    lines = [line.split() for line in _text(name).splitlines() if line]
    return frozenset(spelling for line in lines for spelling in line[1:]), frozenset(line[0] for line in lines)


def _romanised(kana: str) -> frozenset[str]:
    """Hepburn, with long vowels written out and shortened, as people write their names."""
    latin = ""
    position = 0
    doubled = ""
    while position < len(kana):
        character, following = kana[position], kana[position + 1 : position + 2]
        if character == "っ":
            doubled, position = "t", position + 1
            continue
        if character in _SMALL_VOWELS:  # ちぇ
            latin, position = latin[:-1] + _SMALL_VOWELS[character], position + 1
            continue
        syllable = _HEPBURN[character]
        if following in _SMALL:
            syllable = syllable[:-1] + (
                _SMALL[following][1:] if syllable[:-1] in ("sh", "ch", "j") else _SMALL[following]
            )
            position += 1
        latin += (syllable[0] if doubled and syllable[0] != "c" else doubled) + syllable
        doubled, position = "", position + 1
    short = latin.replace("ou", "o").replace("oo", "o").replace("uu", "u")
    return frozenset({latin, short, short.replace("o", "oh", 1) if short != latin else short})
