"""A stream behaves as the file that it is made of, whatever a reader does with it, and seldom begins anew."""

import io
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.collect.archives import Damaged
from sakimori.collect.archives.streamed import WINDOW, Streamed

BLOCK = 64 * 1024
DATA = b"".join(b"%07d\n" % n for n in range(400_000))  # more than the window


class _Source:
    def __init__(self, data: bytes, block: int = BLOCK, damage: str = "") -> None:
        self.begun = self.ended = 0
        self._data, self._block, self._damage = data, block, damage

    def __call__(self) -> Generator[bytes]:
        self.begun += 1
        try:
            for at in range(0, len(self._data), self._block):
                yield self._data[at : at + self._block]
            if self._damage:
                raise Damaged(self._damage)
        finally:
            self.ended += 1


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 300)),
        st.tuples(st.just("readline"), st.integers(-1, 20)),
        st.tuples(st.just("seek"), st.integers(0, 1200)),
        st.tuples(st.just("end"), st.integers(-1200, 10)),
    ),
    max_size=20,
)


@given(st.binary(max_size=1000), _STEPS, st.integers(1, 400), st.integers(0, 200), st.integers(0, 200))
def test_it_reads_like_the_file(data: bytes, steps: list[tuple[str, int]], block: int, head: int, tail: int) -> None:
    plain = io.BytesIO(data)
    stream = Streamed(_Source(data, block), size=len(data), head=data[:head], tail=data[len(data) - tail :][-tail:])
    for step, value in steps:
        match step:
            case "read":
                assert stream.read(value) == plain.read(value)
            case "readline":
                assert stream.readline(value) == plain.readline(value)
            case "seek":
                assert stream.seek(value) == plain.seek(value)
            case _:
                assert stream.seek(value, io.SEEK_END) == plain.seek(max(0, len(data) + value))
        assert stream.tell() == plain.tell()


def test_short_ways_back_cost_nothing_and_long_ones_begin_anew() -> None:
    source = _Source(DATA)
    stream = Streamed(source, size=len(DATA), head=DATA[:BLOCK])
    stream.read(BLOCK)
    stream.seek(0)
    stream.read(10)
    assert source.begun == 0  # what tells the format is at hand
    stream.seek(2 * WINDOW)
    stream.read(WINDOW)
    stream.seek(2 * WINDOW + 8)
    assert stream.readline() == DATA[2 * WINDOW + 8 : 2 * WINDOW + 16]
    assert source.begun == 1
    stream.seek(WINDOW // 2)
    assert stream.read(8) == DATA[WINDOW // 2 : WINDOW // 2 + 8]
    assert (source.begun, source.ended) == (2, 1)
    stream.close()
    assert source.ended == 2


@given(st.integers(1, 5000))
def test_damage_is_raised_where_it_is_and_not_before(size: int) -> None:
    stream = Streamed(_Source(DATA[:3000], 1000, "broken"))
    assert b"".join(stream.read(size) for _ in range(-(-3000 // size))) == DATA[:3000]
    with pytest.raises(Damaged, match="broken"):
        stream.read(size)


def test_what_was_there_before_and_is_gone_reads_as_the_end() -> None:
    stream = Streamed(_Source(DATA[:3000], 1000, "broken"), size=4000)
    assert stream.read() == DATA[:3000]
    assert stream.read() == b""
