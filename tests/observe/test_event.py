"""Events: what is declared can be told, and nothing else."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.core import SakimoriError
from sakimori.observe import Address, Code, Event, Id, KeyId, Level, Model, Tenant


@dataclass(frozen=True)
class Everything(Event, id="test.everything", level=Level.INFO):
    call: Id | None = None
    code: Code | None = None
    key: KeyId | None = None
    model: Model | None = None
    tenant: Tenant | None = None
    address: Address | None = None
    count: int | None = None
    seconds: float | None = None
    error: Exception | None = None


@pytest.mark.parametrize("kind", [str, bytes, object, dict, list[str], str | int])
def test_a_field_that_could_hold_free_text_cannot_be_declared(kind: object) -> None:
    with pytest.raises(TypeError, match=r"Loose\.said: .* could hold content"):
        type.__call__(type(Event), "Loose", (Event,), {"__annotations__": {"said": kind}}, id="x.y", level=Level.INFO)


def test_a_field_cannot_stand_in_for_what_every_line_has() -> None:
    with pytest.raises(TypeError, match="every line has trace_id already"):
        type.__call__(type(Event), "L", (Event,), {"__annotations__": {"trace_id": Id}}, id="x.y", level=Level.INFO)


def test_values_are_told_as_they_are() -> None:
    told = Everything(
        call="call-5f0c5f0c",
        code="budget_exceeded",
        key="k3nA0000zZ",
        model="gpt-5-mini",
        tenant="青空銀行",
        address="[::1]:9464",
        count=3,
        seconds=0.12345678,
    )
    assert told.fields() == {
        "call": "call-5f0c5f0c",
        "code": "budget_exceeded",
        "key": "k3nA0000zZ",
        "model": "gpt-5-mini",
        "tenant": "青空銀行",
        "address": "[::1]:9464",
        "count": 3,
        "seconds": 0.123457,
    }


@given(st.text())
def test_an_id_is_one_of_ours_or_withheld(text: str) -> None:
    """Whatever a bug or an attacker puts there."""
    assert Everything(call=text).fields()["call"] == "(withheld)"


@pytest.mark.parametrize(
    "content", ["sk-saki-mfxxu33sme-0123456789", "password is hunter2", "yamada.t@aozora.example", "a\nb", "Ｐａｓｓ"]
)
def test_no_typed_text_takes_what_looks_like_content(content: str) -> None:
    fields = Everything(call=content, code=content, key=content, address=content).fields()
    assert set(fields.values()) == {"(withheld)"}


def test_an_institution_cannot_write_lines_of_its_own() -> None:
    assert Everything(tenant='a\n{"level":"info"}').fields() == {"tenant": "(withheld)"}
    assert Everything(tenant="a\u202eb").fields() == {"tenant": "(withheld)"}


def test_a_value_of_another_type_is_withheld_rather_than_raised() -> None:
    assert Everything(count="hunter2", error="hunter2").fields() == {  # pyright: ignore[reportArgumentType] # the point
        "count": "(withheld)",
        "error": "(withheld)",
    }


def _raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:  # noqa: BLE001 # to have a traceback
        return caught


def test_of_others_exceptions_type_and_place_are_told_and_of_ours_the_sentence_too() -> None:
    told = Everything(error=_raised(ValueError("hunter2"))).fields()["error"]
    assert isinstance(told, dict)
    assert told["type"] == "ValueError"
    assert told["at"][0].startswith("tests.observe.test_event:") or told["at"][0].startswith("test_event:")
    assert "hunter2" not in str(told)
    ours = Everything(error=_raised(SakimoriError("the disk is full: free some"))).fields()["error"]
    assert isinstance(ours, dict)
    assert ours["message"] == "the disk is full: free some"


def test_what_led_to_an_exception_is_told_by_type() -> None:
    try:
        try:
            raise KeyError("hunter2")
        except KeyError as error:
            raise SakimoriError("not kept: try again") from error
    except SakimoriError as error:
        told = Everything(error=error).fields()["error"]
    assert isinstance(told, dict)
    assert told["causes"] == ["KeyError"]
    assert "hunter2" not in str(told)
