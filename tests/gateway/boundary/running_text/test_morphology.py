"""Names that the morphological dictionary knows, and foreign ones that it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.gateway.boundary.fold import fold
from sakimori.gateway.boundary.running_text import detect_proper_nouns
from sakimori.gateway.boundary.running_text.segments import LONGEST, segments


def found(text: str) -> list[tuple[str, str]]:
    folded = fold(text)
    hits = ((hit.kind.value, folded.original(hit.start, hit.end)) for hit in detect_proper_nouns(folded))
    return [(kind, text[start:end]) for kind, (start, end) in hits]


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("本日、山田太郎と面談した。", "PERSON", "山田太郎"),
        ("担当は佐々木 健一です。", "PERSON", "佐々木 健一"),
        ("ジョン・スミスから電話。", "PERSON", "ジョン・スミス"),
        ("ｼﾞｮﾝ･ｽﾐｽから電話。", "PERSON", "ｼﾞｮﾝ･ｽﾐｽ"),
        ("プロシネチキに送金した。", "NAME", "プロシネチキ"),
        ("昨日は横浜で会った。", "PLACE", "横浜"),
    ],
)
def test_names_are_found_without_honorific_or_label(text: str, kind: str, name: str) -> None:
    assert (kind, name) in found(text)


@pytest.mark.parametrize(
    "text", ["", "2026-11-22 svchost.exe", "The session lasted longer.", "件数が多いため確認した。"]
)
def test_what_names_nobody_is_left(text: str) -> None:
    assert not found(text)


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_text_can_be_read(text: str) -> None:
    folded = fold(text)
    assert all(0 <= hit.start < hit.end <= len(folded.text) for hit in detect_proper_nouns(folded))


@given(st.text(alphabet="あ漢a 、。\n,　", max_size=3 * LONGEST))
def test_segments_are_the_whole_text_but_for_blanks(text: str) -> None:
    position = 0
    for offset, segment in segments(text):
        assert not text[position:offset].strip()
        assert text[offset : offset + len(segment)] == segment
        assert len(segment) <= LONGEST
        position = offset + len(segment)
    assert not text[position:].strip()
