"""Identifiers in encoded text."""

from base64 import b64encode
from urllib.parse import quote

import pytest

from sakimori.gateway.boundary import Boundary, Dictionary, Passage

_BOUNDARY = Boundary("aozora", b"k" * 32, Dictionary())
_MAIL = "hanako.sato@mail.example"


@pytest.mark.parametrize("before", [0, 1, 49, 50, 51, 149, 150, 1_000])
@pytest.mark.parametrize("encoded", [b64encode(_MAIL.encode()).decode(), quote(_MAIL).replace("a", "%61")])
def test_however_many_encoded_runs_say_nothing_one_that_does_is_replaced(encoded: str, before: int) -> None:
    nothing = "caf%C3%A9\n"
    text = nothing * before + f"see {encoded} now\n" + nothing * 3
    sent = Passage(_BOUNDARY).tokenise(text)
    assert [text[span.start : span.end] for span in sent.spans] == [encoded]
