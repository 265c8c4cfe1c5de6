"""Server-sent events, however a server cuts and ends its lines."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.gateway.sse import Decoder, Event, EventTooLong, encode

VALUES = st.dictionaries(st.text(max_size=5), st.text(max_size=10), max_size=3)


def events(stream: bytes, cuts: list[int] | None = None) -> list[Event]:
    decoder = Decoder()
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts or [])})
    chunks = [stream[start:end] for start, end in pairwise(places)]
    return [event for chunk in chunks for event in decoder.feed(chunk)]


@given(
    st.lists(st.tuples(st.sampled_from(["", "response.created", "error"]), VALUES), max_size=5),
    st.sampled_from([b"\n", b"\r", b"\r\n"]),
    st.lists(st.integers(0, 1000)),
    st.booleans(),
)
def test_what_is_encoded_is_decoded_however_lines_end_and_chunks_are_cut(
    sent: list[tuple[str, dict[str, Any]]], line_end: bytes, cuts: list[int], has_mark: bool
) -> None:
    stream = b"".join(encode(data, name) for name, data in sent).replace(b"\n", line_end)
    stream = b"\xef\xbb\xbf" * has_mark + stream
    assert [(name, json.loads(data)) for name, data in events(stream, cuts)] == sent
    assert events(stream, list(range(len(stream)))) == events(stream)


@given(st.binary(max_size=60), st.lists(st.integers(0, 60)))
def test_any_bytes_are_decoded_alike_however_they_are_cut(stream: bytes, cuts: list[int]) -> None:
    assert events(stream, cuts) == events(stream)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\ndata: b\n\n", [Event("", b"a\nb")]),
        (b": keep-alive\n\ndata:x\n\n", [Event("", b"x")]),
        (b"event: ping\n\ndata: x\n\n", [Event("", b"x")]),
        (b"id: 1\nretry: 5\nsomething\nevent: a\ndata: x\n\n", [Event("a", b"x")]),
        (b"data\n\n", [Event("", b"")]),
        (b"data: cut off", []),
        (b"data: cut off\n", []),
    ],
)
def test_fields_are_read_as_the_standard_has_them(stream: bytes, expected: list[Event]) -> None:
    assert events(stream) == expected


def test_an_event_without_end_is_given_up() -> None:
    decoder = Decoder(longest=1000)
    for _ in range(100):
        decoder.feed(b"data: 12345678\n\n")
    for _ in range(1000):
        decoder.feed(b"x")
    with pytest.raises(EventTooLong, match="longer than 1000 bytes"):
        decoder.feed(b"x")


def test_comments_and_keep_alives_do_not_count_towards_an_event() -> None:
    decoder = Decoder(longest=100)
    for _ in range(100):
        assert decoder.feed(b": still there\n") == []
    assert decoder.feed(b"data: x\n\n") == [Event("", b"x")]
