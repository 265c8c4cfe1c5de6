"""Proper nouns of Japanese running text by morphological analysis: SudachiPy with SudachiDict (Takaoka et al., LREC
2018), which know some hundred thousand names and places. Some 480,000 characters per CPU-second.
"""

import re
import threading
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from sudachipy import Dictionary, SplitMode, Tokenizer

from sakimori.gateway.boundary.fold import Folded
from sakimori.gateway.boundary.running_text.segments import segments
from sakimori.gateway.boundary.span import Hit, Kind

DETECTOR = "morphology"
_JAPANESE = re.compile(r"[\u3041-\u30ff\u3400-\u9fff々]")
_KATAKANA_WORD = re.compile(r"[ァ-ヴー]{3,}")
_KATAKANA_NAME = re.compile(r"[ァ-ヴー]+(?:[・=][ァ-ヴー]+)+")
"""A foreigner's name, its parts joined by middle dots; the full-width equals sign folds to ``=``."""
_JOINTS = frozenset({" ", "・", "="})
_KINDS = {"人名": Kind.PERSON, "地名": Kind.PLACE, "組織名": Kind.ORG}
_SURROGATE = re.compile("[\ud800-\udfff]")
_local = threading.local()


@cache
def _dictionary() -> Dictionary:
    return Dictionary(dict="core")


@cache
def _no_names() -> frozenset[str]:
    lines = files("sakimori").joinpath("content/boundary/no-names-ja.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def _tokenizer() -> Tokenizer:
    """Sudachi wants one per thread."""
    tokenizer: Tokenizer | None = getattr(_local, "tokenizer", None)
    if tokenizer is None:
        tokenizer = _local.tokenizer = _dictionary().create(mode=SplitMode.C)
    return tokenizer


def detect_proper_nouns(folded: Folded) -> Iterator[Hit]:
    """People, places and organisations that the dictionary knows, and words in katakana that it does not know."""
    if not _JAPANESE.search(folded.text):
        return
    for offset, segment in segments(folded.text):
        if _JAPANESE.search(segment):
            yield from _of_segment(offset, segment)


def _of_segment(offset: int, segment: str) -> Iterator[Hit]:
    person: tuple[int, int] | None = None
    # Half a surrogate pair has no UTF-8; any other character keeps the offsets.
    for word in _tokenizer().tokenize(_SURROGATE.sub("?", segment)):
        kind = _kind(word.part_of_speech(), word.surface(), is_unknown=word.is_oov())
        start, end = word.begin(), word.end()
        if kind is Kind.PERSON:
            # Family name and given name are one person.
            joined = person is not None and (person[1] == start or segment[person[1] : start] in _JOINTS)
            if person is not None and not joined:
                yield _hit(offset, segment, *person, Kind.PERSON)
            person = (person[0] if person is not None and joined else start, end)
        elif kind is not None:
            yield _hit(offset, segment, start, end, kind)
    if person is not None:
        yield _hit(offset, segment, *person, Kind.PERSON)
    for name in _KATAKANA_NAME.finditer(segment):
        yield _hit(offset, segment, *name.span(), Kind.PERSON)


def _kind(part_of_speech: tuple[str, ...], surface: str, *, is_unknown: bool) -> Kind | None:
    if surface in _no_names():
        return None
    if part_of_speech[1] == "固有名詞":
        return _KINDS.get(part_of_speech[2], Kind.NAME)
    return Kind.NAME if is_unknown and _KATAKANA_WORD.fullmatch(surface) else None


def _hit(offset: int, segment: str, start: int, end: int, kind: Kind) -> Hit:
    return Hit(offset + start, offset + end, kind, DETECTOR, segment[start:end])
