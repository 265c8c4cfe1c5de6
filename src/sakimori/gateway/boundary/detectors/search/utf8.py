"""Where Hyperscan's finds, which are told in bytes of UTF-8, lie in code points."""

from collections.abc import Iterable

_FIRST_BYTES = bytes(not 0x80 <= byte < 0xC0 for byte in range(256))
"""1 for bytes that begin a code point."""


def code_points(data: bytes, ends: Iterable[int]) -> list[int]:
    """Offsets of ``ends`` in code points. ``ends``: in bytes, ascending, none of them within a code point."""
    count = data.translate(_FIRST_BYTES).count
    points: list[int] = []
    byte = point = 0
    for end in ends:
        if end != byte:
            point += count(1, byte, end)
            byte = end
        points.append(point)
    return points
