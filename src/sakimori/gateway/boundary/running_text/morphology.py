"""Japanese text taken apart into words: SudachiPy with SudachiDict (Takaoka et al., LREC 2018), which know some hundred
thousand names and places. Some 480,000 characters per CPU-second.
"""

import re
import threading
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from sakimori.gateway.boundary.running_text.segments import segments

if TYPE_CHECKING:
    from sudachipy import Dictionary, Tokenizer

_JAPANESE = re.compile(r"[\u3041-\u30ff\u3400-\u9fff々]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_local = threading.local()


class Word(NamedTuple):
    """A word of a text, in its code points."""

    start: int
    end: int
    surface: str
    part_of_speech: tuple[str, ...]
    """As UniDic has them: ``("名詞", "固有名詞", "人名", "姓", …)``."""
    is_unknown: bool
    """The dictionary has no such word."""


@cache
def _dictionary() -> "Dictionary":
    from sudachipy import Dictionary

    return Dictionary(dict="core")


def _tokenizer() -> "Tokenizer":
    """Sudachi wants one per thread. It is loaded, with a dictionary of 200 MB, where free text is read."""
    tokenizer: Tokenizer | None = getattr(_local, "tokenizer", None)
    if tokenizer is None:
        from sudachipy import SplitMode

        tokenizer = _local.tokenizer = _dictionary().create(mode=SplitMode.C)
    return tokenizer


def sentences(text: str) -> Iterator[list[Word]]:
    """The words of each segment that has Japanese letters."""
    if not _JAPANESE.search(text):
        return
    for offset, segment in segments(text):
        if _JAPANESE.search(segment):
            # Half a surrogate pair has no UTF-8; any other character keeps the offsets.
            yield [
                Word(offset + word.begin(), offset + word.end(), word.surface(), word.part_of_speech(), word.is_oov())
                for word in _tokenizer().tokenize(_SURROGATE.sub("?", segment))
            ]
