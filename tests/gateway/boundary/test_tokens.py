from hypothesis import given
from hypothesis import strategies as st

from sakimori.gateway.boundary.tokens import TOKEN_LIKE, token_at, token_places

_PIECES = ["host", "name", "mac", "corpnumber", "x", " ", "_", "-", "\\", "7k2m9qx4ab00", "7k2m9qx4name", "7"]


@given(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join))
def test_finds_what_is_like_a_token_and_nothing_else(text: str) -> None:
    matches = [(*match.span(), f"{match[1]}_{match[2]}".upper()) for match in TOKEN_LIKE.finditer(text)]
    assert [(*place, token_at(text, *place)) for place in token_places(text)] == matches
