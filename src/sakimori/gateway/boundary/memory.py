"""What was found in texts before: agents and chats send their whole conversation again with every call.

A text is not kept: a digest tells that it is the same one, under a key that each boundary has to itself, so that
nothing is shared between institutions or between two states of a dictionary. What detectors claimed of it is kept, and
that has values of it: in memory only, of the texts used last, and let go at the first text after an hour in which it
was not used.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence

import orjson

from sakimori.core import Clock, Nanos, SystemClock
from sakimori.gateway.boundary.span import Hit, Kind

_MOST_BYTES = 4_000_000
_MOST_CLAIMS = 20_000
"""Of one text: they take up to a fifth of all that is kept."""
_BYTES_OF_ENTRY = 350
"""What a text takes beside its claims."""
_HOUR: Nanos = 3600 * 1_000_000_000
_KINDS = {kind.value: kind for kind in Kind}


class Memory:
    """Of all boundaries of a process. Safe to use from several threads."""

    def __init__(self, clock: Clock, *, most_bytes: int = _MOST_BYTES) -> None:
        self._clock = clock
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[Nanos, bytes]] = OrderedDict()
        """By digest: when it was last used, and the claims; what was used longest ago first."""
        self._bytes = 0

    def recall(self, digest: bytes) -> tuple[Hit, ...] | None:
        """What was found in the text with this digest; None if that is not known."""
        now = self._clock.now()
        with self._lock:
            self._let_go(before=now - _HOUR)
            entry = self._kept.get(digest)
            if entry is None:
                return None
            self._kept[digest] = now, entry[1]
            self._kept.move_to_end(digest)
        return _unpacked(entry[1])

    def keep(self, digest: bytes, found: Sequence[Hit]) -> None:
        """Remember what was found, unless it is very much."""
        claims = _packed(found) if len(found) <= _MOST_CLAIMS else None
        if claims is None:
            return
        with self._lock:
            known = self._kept.pop(digest, None)
            self._kept[digest] = self._clock.now(), claims
            self._bytes += len(claims) - len(known[1]) if known else len(claims) + _BYTES_OF_ENTRY
            self._let_go(before=0)

    def _let_go(self, *, before: Nanos) -> None:
        """Of what was used longest ago, whatever is too much or was last used before then."""
        while self._kept:
            digest, (used, claims) = next(iter(self._kept.items()))
            if used >= before and self._bytes <= self._most_bytes:
                return
            del self._kept[digest]
            self._bytes -= len(claims) + _BYTES_OF_ENTRY


def _packed(found: Sequence[Hit]) -> bytes | None:
    """Claims in a fifth of the memory; None where a value is no text that can be written."""
    try:
        claims = orjson.dumps(tuple(zip(*found, strict=True)))
    except orjson.JSONEncodeError:  # a lone surrogate
        return None
    # A copy: what orjson gives holds the room in which it was written, four times this.
    return bytes(memoryview(claims))


def _unpacked(claims: bytes) -> tuple[Hit, ...]:
    columns = orjson.loads(claims)
    if not columns:
        return ()
    starts, ends, kinds, detectors, values = columns
    return tuple(map(Hit, starts, ends, map(_KINDS.__getitem__, kinds), detectors, values))


SHARED = Memory(SystemClock())
"""Of this process."""
