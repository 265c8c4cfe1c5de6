"""Cedar decisions: whatever cannot be evaluated is a deny, and says so."""

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.access.policy import Policies, PolicyEntity, PolicyError, Uid

SCHEMA = """
entity Person;
entity Door { colour: String, locked?: Bool };
action open appliesTo { principal: Person, resource: Door, context: { night: Bool } };
"""
OPEN = '@id("open-doors") @en("Doors may be opened.") @ja("扉は開けられます。") permit (principal, action, resource);'
LOCKED = """
@id("locked-doors") @en("It is locked.") @ja("施錠されています。")
forbid (principal, action, resource) when { resource has locked && resource.locked };
"""
ANN = Uid("Person", "ann")
DOOR = Uid("Door", "front")
PEOPLE = PolicyEntity(ANN, {})


def policies(*texts: str) -> Policies:
    return Policies(SCHEMA, "\n".join(texts), origin="test")


def decide(
    subject: Policies, door: PolicyEntity, *, action: str = "open", context: dict[str, bool | str] | None = None
) -> tuple[bool, list[str]]:
    answer = subject.decide(
        principal=ANN,
        action=action,
        resource=DOOR,
        context={"night": False} if context is None else context,
        entities=subject.entities([PEOPLE, door]),
    )
    return answer.allowed, [policy.name for policy in answer.policies]


RED = PolicyEntity(DOOR, {"colour": "red"})


def test_what_is_permitted_and_not_forbidden_is_allowed_by_name() -> None:
    assert decide(policies(OPEN, LOCKED), RED) == (True, ["open-doors"])


def test_a_forbid_wins_and_is_named_with_its_sentences() -> None:
    subject = policies(OPEN, LOCKED)
    entities = subject.entities([PEOPLE, PolicyEntity(DOOR, {"colour": "red", "locked": True})])
    answer = subject.decide(principal=ANN, action="open", resource=DOOR, context={"night": True}, entities=entities)
    assert not answer.allowed
    (text,) = answer.policies
    assert (text.name, text.effect, text.en, text.ja) == (
        "locked-doors",
        "forbid",
        "It is locked.",
        "施錠されています。",
    )


def test_nothing_is_allowed_without_a_permit() -> None:
    assert decide(policies(LOCKED), RED) == (False, ["deny-by-default"])


def test_cedar_alone_would_allow_when_a_forbid_fails() -> None:
    """The trap that this module exists for, on the engine itself."""
    careless = "permit (principal, action, resource); forbid (principal, action, resource) when { resource.locked };"
    entities = '[{"uid": {"type": "Door", "id": "front"}, "attrs": {"colour": "red"}, "parents": []}]'
    request = {
        "principal": {"type": "Person", "id": "ann"},
        "action": {"type": "Action", "id": "open"},
        "resource": {"type": "Door", "id": "front"},
        "context": {"night": False},
    }
    assert cedarpy.is_authorized(request, careless, entities).decision is cedarpy.Decision.Allow


def test_a_forbid_that_fails_while_it_is_evaluated_denies() -> None:
    """Arithmetic overflow is found by no schema."""
    overflow = """
    @id("sum") @en("Sum.") @ja("和。")
    forbid (principal, action, resource) when { context.n + 9223372036854775807 > 0 && false };
    """
    schema = SCHEMA.replace("night: Bool", "night: Bool, n: Long")
    subject = Policies(schema, OPEN + overflow, origin="test")
    entities = subject.entities([PEOPLE, RED])

    def ask(n: int) -> tuple[bool, list[str], int]:
        answer = subject.decide(
            principal=ANN, action="open", resource=DOOR, context={"night": False, "n": n}, entities=entities
        )
        return answer.allowed, [policy.name for policy in answer.policies], len(answer.errors)

    assert ask(0) == (True, ["open-doors"], 0)
    assert ask(1) == (False, ["deny-on-error"], 1)


@pytest.mark.parametrize(
    "door",
    [
        PolicyEntity(DOOR, {}),
        PolicyEntity(DOOR, {"colour": 1}),
        PolicyEntity(DOOR, {"colour": "red", "smell": "none"}),
        PolicyEntity(DOOR, {"colour": "red", "locked": "yes"}),
        PolicyEntity(Uid("Gate", "front"), {"colour": "red"}),
        PolicyEntity(Uid("Door", "back"), {"colour": "red"}),
        PolicyEntity(Uid("not a type!", "front"), {}),
    ],
    ids=[
        "missing",
        "wrong type",
        "unknown attribute",
        "wrong optional",
        "wrong entity type",
        "unknown entity",
        "syntax",
    ],
)
def test_entities_that_do_not_fit_the_schema_deny(door: PolicyEntity) -> None:
    assert decide(policies(OPEN, LOCKED), door) == (False, ["deny-on-error"])


@pytest.mark.parametrize(
    ("action", "context"),
    [("close", {"night": False}), ("open", {}), ("open", {"night": "no"}), ("open", {"night": False, "x": True})],
)
def test_requests_that_do_not_fit_the_schema_deny(action: str, context: dict[str, bool | str]) -> None:
    assert decide(policies(OPEN, LOCKED), RED, action=action, context=context) == (False, ["deny-on-error"])


def test_a_principal_that_is_not_among_the_entities_is_denied() -> None:
    subject = policies(OPEN)
    answer = subject.decide(
        principal=ANN, action="open", resource=DOOR, context={"night": False}, entities=subject.entities([RED])
    )
    assert not answer.allowed
    assert "ann" in answer.errors[0]


@given(st.text())
def test_no_name_escapes_into_a_policy(name: str) -> None:
    """Names of any shape are data: they are evaluated like any other, or denied; nothing is raised."""
    subject = policies(OPEN, LOCKED)
    uid = Uid("Door", name)
    locked = PolicyEntity(uid, {"colour": name, "locked": True})
    answer = subject.decide(
        principal=ANN,
        action="open",
        resource=uid,
        context={"night": False},
        entities=subject.entities([PEOPLE, locked]),
    )
    assert not answer.allowed


def test_a_name_with_a_lone_surrogate_is_denied() -> None:
    assert decide(policies(OPEN), PolicyEntity(DOOR, {"colour": "\ud800"})) == (False, ["deny-on-error"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("permit (", "unexpected end of input"),
        ("permit (principal, action, resource);", "lacks @id"),
        ('@id("x") permit (principal, action, resource);', "x lacks @en"),
        ('@id("x") @en("x") permit (principal, action, resource);', "x lacks @ja"),
        (OPEN + OPEN, "two policies are named 'open-doors'"),
        (OPEN + '@id("x") @en("x") @ja("x") forbid (principal, action, resource) when { resource.lockd };', "lockd"),
        (OPEN + '@id("x") @en("x") @ja("x") permit (principal == ?principal, action, resource);', "templates"),
    ],
)
def test_policies_that_cannot_be_used_are_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(PolicyError, match=r"^test: ") as raised:
        policies(text)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_shipped_policy_set_is_usable() -> None:
    assert "only-attacks" in Policies.shipped("respond").texts


def test_a_folder_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        Policies.shipped("nothing-like-this")
