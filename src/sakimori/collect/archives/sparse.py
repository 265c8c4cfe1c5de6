"""Sparse files in tar archives: stretches of data with holes between them, which read as zeros.

Formats: GNU tar manual, "Storing Sparse Files": the old GNU header, and versions 0.0, 0.1 and 1.0 in pax records.
"""

from collections.abc import Callable, Generator, Sequence

from sakimori.collect.archives import BLOCK, Damaged, Meter

_RECORD = 512
MAX_STRETCHES = 65_536
"""Stretches that a file may have."""


def in_header(block: bytes, *, start: int, count: int) -> list[int]:
    """Offset, length, offset, … as an old GNU header (or its extension) gives them, up to the first empty place.

    Raises:
        Damaged: these are no numbers.
    """
    numbers: list[int] = []
    for at in range(start, start + count * 24, 12):
        text = block[at : at + 12]
        if not text.strip(b"\0 "):
            break
        value = number(text)
        if value is None:
            raise Damaged("its map of holes makes no sense")
        numbers.append(value)
    return numbers


def number(text: bytes) -> int | None:
    """A number in a header: octal digits, or base 256 behind a set first bit. None where it is none."""
    if text[:1] in (b"\x80", b"\xff"):
        return int.from_bytes(text[1:], "big") if text[:1] == b"\x80" else None
    digits = text.strip(b"\0 ").split(b"\0")[0]
    if not digits:
        return 0
    return int(digits, 8) if digits.isdigit() and not digits.strip(b"01234567") else None


def decimals(words: Sequence[str]) -> list[int]:
    """Raises Damaged where a word is no decimal number."""
    if not all(word.isascii() and word.isdigit() and len(word) < 19 for word in words):
        raise Damaged("a number in it is none")
    return [int(word) for word in words]


def leading_map(read: Callable[[int], bytes]) -> list[int]:
    """The map that stands before the data in version 1.0: decimal numbers, one a line, the first is their count / 2."""
    text, wanted = b"", 1
    while text.count(b"\n") < wanted:
        block = read(_RECORD)
        if len(block) < _RECORD or len(text) > 40 * MAX_STRETCHES:
            raise Damaged("its map of holes breaks off")
        text += block
        if wanted == 1:
            wanted = 1 + 2 * decimals([text.split(b"\n", 1)[0].decode("latin-1")])[0]
    return decimals(text.decode("latin-1").split("\n")[1:wanted])


def expanded(read: Callable[[int], bytes], stretches: list[int], size: int) -> Generator[bytes]:
    """The file's bytes, ``size`` of them; ``read`` gives those that are stored.

    Raises:
        Damaged: behind what could be read.
        Refused: it is nearly all holes, and huge.
    """
    meter = Meter()
    position = 0
    for offset, length in [*zip(stretches[::2], stretches[1::2], strict=False), (size, 0)]:
        if offset < position or offset + length > size:
            raise Damaged("its map of holes makes no sense")
        while position < offset:
            count = min(BLOCK, offset - position)
            position += count
            meter.given += count
            meter.check()
            yield bytes(count)
        end = position + length
        while position < end:
            block = read(min(BLOCK, end - position))
            if not block:
                raise Damaged("it breaks off")
            position += len(block)
            meter.taken += len(block)
            meter.given += len(block)
            yield block
