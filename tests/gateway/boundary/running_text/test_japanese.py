"""Names that the morphological dictionary knows, foreign ones that it does not, and what belongs to a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.gateway.boundary.fold import fold
from sakimori.gateway.boundary.running_text import detect_names
from sakimori.gateway.boundary.running_text.segments import LONGEST, segments
from sakimori.gateway.boundary.span import Hit, Kind


def found(text: str) -> list[tuple[str, str]]:
    folded = fold(text)
    hits = ((hit.kind.value, folded.original(hit.start, hit.end)) for hit in detect_names(folded))
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
    ("text", "name"),
    [
        ("昨夜、野口弥三が来た。", "野口弥三"),
        ("宛先は英斂之である。", "英斂之"),
        ("会場は浜松記念公園です。", "浜松記念公園"),
        ("東京湾岸警備保障組合に払った。", "東京湾岸警備保障組合"),
        ("隣に雨散草伊が座った。", "雨散草伊"),
    ],
)
def test_a_name_takes_in_what_touches_it_and_is_no_word_of_its_own(text: str, name: str) -> None:
    covered = {place for _, found_name in found(text) for place in _places(text, found_name)}
    assert covered >= set(_places(text, name))


def _places(text: str, name: str) -> range:
    return range(text.index(name), text.index(name) + len(name))


def test_what_others_found_grows_too() -> None:
    folded = fold("担当は朝倉三だ。")
    claim = Hit(3, 5, Kind.PERSON, "rule", "朝倉")
    assert any((hit.start, hit.end) == (3, 6) for hit in detect_names(folded, [claim]))


@pytest.mark.parametrize("text", ["田中部長が決裁した。", "鈴木様の件です。", "山田側の主張。", "大阪発の便。"])
def test_a_title_beside_a_name_stays(text: str) -> None:
    names = [name for _, name in found(text)]
    assert names == [text[:2]]


@pytest.mark.parametrize(
    "text", ["", "2026-11-22 svchost.exe", "The session lasted longer.", "件数が多いため確認した。"]
)
def test_what_names_nobody_is_left(text: str) -> None:
    assert not found(text)


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_text_can_be_read(text: str) -> None:
    folded = fold(text)
    assert all(0 <= hit.start < hit.end <= len(folded.text) for hit in detect_names(folded))


@given(st.text(alphabet="あ漢a 、。\n,　", max_size=3 * LONGEST))
def test_segments_are_the_whole_text_but_for_blanks(text: str) -> None:
    position = 0
    for offset, segment in segments(text):
        assert not text[position:offset].strip()
        assert text[offset : offset + len(segment)] == segment
        assert len(segment) <= LONGEST
        position = offset + len(segment)
    assert not text[position:].strip()
