"""Every document survives being written and read, and nothing else is read as one."""

import re
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, cast, get_args, get_origin, get_type_hints

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakimori.core import InputError
from sakimori.records import (
    Action,
    Command,
    CyberAccess,
    Document,
    Entity,
    EntityType,
    Execution,
    Finding,
    Grant,
    GrantState,
    Incident,
    Inventory,
    LedgerEntry,
    Limit,
    Plan,
    Reservation,
    Severity,
    Source,
    Verdict,
    Window,
    as_plain,
    canonical_json,
    from_json,
    to_json,
)

DOCUMENTS: list[type[Document]] = [
    Execution,
    Finding,
    Grant,
    Incident,
    Inventory,
    LedgerEntry,
    Plan,
    Reservation,
    Source,
    Verdict,
]

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
INT64 = st.integers(-(2**63), 2**63 - 1)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | INT64 | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: INT64,
    bool: st.booleans(),
    float: FLOAT,
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, places=4),
    timedelta: st.timedeltas(timedelta(0), timedelta(days=400)),
    Any: JSON,
    types.NoneType: st.none(),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a record's type."""
    if hint in SCALARS:
        return SCALARS[hint]
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0]), max_size=3).map(tuple)
    if get_origin(hint) is dict:
        key, value = get_args(hint)
        return st.dictionaries(values(key), values(value), max_size=3)
    if get_origin(hint) is types.UnionType:
        return st.one_of([values(option) for option in get_args(hint)])
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    assert is_dataclass(hint), hint
    hints = get_type_hints(hint)
    make = cast("Callable[..., Any]", hint)
    return st.builds(make, **{field.name: values(hints[field.name]) for field in fields(hint)})


@pytest.mark.parametrize("cls", DOCUMENTS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_document_survives_being_written_and_read(cls: type[Document], data: st.DataObject) -> None:
    document = data.draw(values(cls))
    written = to_json(document)
    assert b"\n" not in written
    assert next(iter(orjson.loads(written))) == "schema"
    assert from_json(cls, written) == document


@pytest.mark.parametrize("cls", DOCUMENTS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_an_unknown_or_missing_member_is_refused_by_name(cls: type[Document], data: st.DataObject) -> None:
    plain = orjson.loads(to_json(data.draw(values(cls))))
    with pytest.raises(InputError, match="surprise"):
        from_json(cls, orjson.dumps({**plain, "surprise": 1}))
    del plain["tenant"]
    with pytest.raises(InputError, match="tenant"):
        from_json(cls, orjson.dumps(plain))


def test_schemas_are_distinct_and_versioned() -> None:
    schemas = [cls.SCHEMA for cls in DOCUMENTS]
    assert len(set(schemas)) == len(schemas)
    assert all(re.fullmatch(r"sakimori\.[a-z-]+/[1-9]", schema) for schema in schemas)


def test_a_grant_of_the_first_form_is_read_and_must_be_proved() -> None:
    """It had one budget per day, and nobody noted which call was the first to be answered."""
    first: dict[str, Any] = {
        "schema": "sakimori.grant/1",
        "id": "gr-1",
        "tenant": "銀行",
        "models": ["m"],
        "purposes": ["p"],
        "data_classes": ["structured"],
        "budget": {"tokens": 100, "yen": "0.30", "window": "P1D"},
        "not_before": 1,
        "not_after": 2,
        "revoked": False,
    }
    read = from_json(Grant, orjson.dumps(first))
    assert read.limits == (Limit(window=Window.DAY, tokens=100, yen=Decimal("0.30")),)
    assert (read.state, read.cyber, read.hosted_tools) == (GrantState.PROVISIONED, CyberAccess.STANDARD, ())
    assert from_json(Grant, orjson.dumps({**first, "revoked": True})).revoked
    assert from_json(Grant, to_json(read)) == read


@pytest.mark.parametrize("budget", [None, [], {}, {"tokens": "x", "yen": "1"}])
def test_a_damaged_grant_of_the_first_form_is_refused_in_one_line(budget: object) -> None:
    members: dict[str, object] = {"id": "g", "tenant": "t", "models": [], "purposes": [], "data_classes": []}
    times = {"not_before": 1, "not_after": 2}
    for plain in ({**members, **times, "budget": budget}, {**members, **times}):
        with pytest.raises(InputError, match="Grant: "):
            from_json(Grant, orjson.dumps({"schema": "sakimori.grant/1", **plain}))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', "{}", '{"schema": "sakimori.finding/2"}'])
def test_what_is_no_document_of_this_schema_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError) as refused:
        from_json(Finding, text)
    assert "\n" not in str(refused.value)


ACTION = Action(
    tenant="bank",
    command=Command.ISOLATE_HOST,
    target=Entity(type=EntityType.HOST, value="ws-01.bank.example"),
    connector="range",
    incident_id="in-1",
    parameters={"b": "2", "a": "1"},
)


def test_an_actions_hash_is_stable() -> None:
    """Approvals are signed over this hash: changing how it is computed would void them silently."""
    assert ACTION.hash == "47e12acdd9eea1fccb1da3773a66b3ea64f227aa1aeba6a583bb6175d1367179"


@given(values(Action))
def test_an_actions_hash_survives_storage_and_the_order_of_parameters(action: Action) -> None:
    turned = replace(action, parameters=dict(reversed(action.parameters.items())))
    assert turned.hash == action.hash


@given(values(Action), values(Action))
def test_different_actions_have_different_hashes(one: Action, other: Action) -> None:
    assert (one.hash == other.hash) == (one == other)


@given(JSON)
def test_canonical_json_is_one_spelling(value: Any) -> None:
    written = canonical_json(value)
    assert canonical_json(orjson.loads(written)) == written


def test_severity_is_written_as_ocsf_numbers() -> None:
    assert as_plain(Severity.CRITICAL) == 5
