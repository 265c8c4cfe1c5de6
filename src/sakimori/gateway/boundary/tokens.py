"""Tokens: what stands in outgoing text for a value, such as ``HOST_7K2M9QX4AB00``.

A kind, an underscore, a digit, and eleven more characters of Crockford's base 32 (no I, L, O, U). The first ten are a
keyed hash of kind and normalised value, so the same thing has the same ten in every conversation of an institution and
in no other institution; the last two tell its spellings apart (``00``: the normalised one), so that each comes back
exactly. Case, full width and a markdown backslash may change on the way; the length is fixed, so neighbours cannot be
mistaken for a part.
"""

import hmac
import re
from collections.abc import Iterator
from functools import lru_cache

from sakimori.gateway.boundary.fold import fold
from sakimori.gateway.boundary.span import Kind

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_STEM_LETTERS = 9
_MOST_REMEMBERED = 20_000
_LONGEST_REMEMBERED = 256
_KINDS = "|".join(sorted((kind.value.lower() for kind in Kind), key=len, reverse=True))
CODE_LETTERS = 12
CODE = "[_-][0-9][0-9a-hjkmnp-tv-z]{11}"
"""How every token ends, in folded text."""
_CODE = re.compile(CODE)
_TAIL = 2
_MOST_BACKSLASHES = 2
_BY_TAIL = {
    tail: tuple(sorted((kind.lower() for kind in Kind if kind.lower().endswith(tail)), key=len, reverse=True))
    for tail in (kind.lower()[-_TAIL:] for kind in Kind)
}
"""Kinds by how they end, the longest first."""
TOKEN_LIKE = re.compile(rf"({_KINDS})(?:\\{{0,2}}_|-)([0-9][0-9a-hjkmnp-tv-z]{{11}})")
"""In folded text: whatever ``restore`` would take for a token."""


def token_places(folded: str) -> Iterator[tuple[int, int]]:
    """Where ``TOKEN_LIKE`` finds anything: (start, end). Codes are rarer than kinds: they lead."""
    position = 0
    for code in _CODE.finditer(folded):
        begin, end = code.span()
        kinds = _BY_TAIL.get(folded[begin - _TAIL : begin])
        if kinds is None and folded[begin] == "_":
            escape = folded[max(0, begin - _MOST_BACKSLASHES) : begin]
            begin -= len(escape) - len(escape.rstrip("\\"))
            kinds = _BY_TAIL.get(folded[begin - _TAIL : begin])
        for kind in kinds or ():
            if folded.endswith(kind, position, begin):
                yield begin - len(kind), end
                position = end
                break


def token_at(folded: str, start: int, end: int) -> str:
    """The token at one of ``token_places``, as it was made."""
    code = end - CODE_LETTERS
    kind = folded[start : code - 1].rstrip("\\")
    return f"{kind}_{folded[code:end]}".upper()


def canonical_token(text: str) -> str | None:
    """The token that somebody wrote down, in whatever case and width; None where it is none."""
    match = TOKEN_LIKE.fullmatch(fold(text.strip()).text)
    return f"{match[1]}_{match[2]}".upper() if match else None


class Minter:
    """Makes the tokens of one institution."""

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(key, digestmod="sha256")
        # The same hosts and users are in call after call.
        self._remembered = lru_cache(_MOST_REMEMBERED)(self._make)

    def token(self, kind: Kind, value: str, spelling: str, *, attempt: int) -> str:
        """``attempt`` counts up from 0 while the token already stands for something else."""
        is_short = len(value) <= _LONGEST_REMEMBERED and len(spelling) <= _LONGEST_REMEMBERED
        return (self._remembered if is_short else self._make)(kind, value, spelling, attempt)

    def _make(self, kind: Kind, value: str, spelling: str, attempt: int) -> str:
        stem = self._hash("value", kind, value)
        digit, rest = divmod(stem, 32**_STEM_LETTERS)
        code = str(digit % 10) + _base32(rest, _STEM_LETTERS)
        if attempt == 0 and spelling == value:
            return f"{kind}_{code}00"
        mark = self._hash(f"spelling {attempt}", kind, spelling) % (32**2 - 1) + 1
        return f"{kind}_{code}{_base32(mark, 2)}"

    def _hash(self, what: str, kind: Kind, text: str) -> int:
        message = f"{what}\0{kind}\0{text}".encode("utf-8", "surrogatepass")
        state = self._keyed.copy()  # which takes half as long as to key it anew
        state.update(message)
        return int.from_bytes(state.digest()[:12], "big")


def _base32(number: int, letters: int) -> str:
    code = ""
    for _ in range(letters // 2):
        code = _PAIRS[number & 1023] + code
        number >>= 10
    return _ALPHABET[number] + code if letters % 2 else code
