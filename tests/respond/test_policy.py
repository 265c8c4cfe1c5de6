"""Each response policy, one by one, through the plan that people see."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sakimori.access.policy import Policies
from sakimori.core import ManualClock
from sakimori.records import (
    Action,
    Command,
    Disposition,
    Effect,
    Entity,
    EntityType,
    PlannedAction,
    Route,
    Ruling,
)
from sakimori.respond import Grounds, ResponsePolicy, load_playbooks, plan
from sakimori.store.journal import Contact, Standing

NOW = 1_800_000_000_000_000_000
HOUR = 3_600_000_000_000
ISOLATE, DISABLE = Command.ISOLATE_HOST, Command.DISABLE_ACCOUNT
WS = "ws-1.bank.example"
POLICY = ResponsePolicy(management_hosts=frozenset({"ws-39.bank.example"}))
PLAYBOOKS = load_playbooks()
MakeGrounds = Callable[..., Grounds]


class Everything:
    """Reaches whatever it is asked about."""

    name = "everything"

    def reaches(self, command: Command, target: Entity) -> bool:
        return True

    async def apply(self, action: Action, *, key: str) -> str:
        raise AssertionError("planning contacts nothing")

    async def observe(self, action: Action) -> Effect:
        raise AssertionError("planning contacts nothing")


def planned(grounds: Grounds, *, standing: Standing | None = None, connected: bool = True) -> list[PlannedAction]:
    made = plan(
        grounds,
        playbooks=PLAYBOOKS,
        connectors=[Everything()] if connected else [],
        policy=POLICY,
        standing=standing or Standing((), NOW),
        clock=ManualClock(NOW),
    )
    return list(made.actions)


def ruled(grounds: Grounds, *, standing: Standing | None = None) -> tuple[Ruling, set[str]]:
    (item,) = planned(grounds, standing=standing)
    assert item.decision.reason
    assert item.decision.reason_ja
    return item.decision.ruling, set(item.decision.policies)


@pytest.mark.parametrize(
    ("command", "target", "ruling", "policies"),
    [
        (ISOLATE, WS, Ruling.ALLOW, {"respond-to-proved-attacks"}),
        (ISOLATE, "fs.bank.example", Ruling.ALLOW, {"respond-to-proved-attacks"}),
        (ISOLATE, "pay.bank.example", Ruling.NEEDS_APPROVAL, {"vital-hosts-need-a-person"}),
        (ISOLATE, "dc.bank.example", Ruling.NEEDS_APPROVAL, {"domain-controllers-need-a-person"}),
        (ISOLATE, "siem.bank.example", Ruling.DENY, {"management-hosts-stay-reachable"}),
        (ISOLATE, "ws-39.bank.example", Ruling.DENY, {"management-hosts-stay-reachable"}),
        (ISOLATE, "twice.bank.example", Ruling.DENY, {"target-in-inventory"}),
        (DISABLE, "user-1", Ruling.ALLOW, {"respond-to-proved-attacks"}),
        (DISABLE, "太郎", Ruling.ALLOW, {"respond-to-proved-attacks"}),
        (DISABLE, "admin", Ruling.ALLOW, {"respond-to-proved-attacks"}),
        (DISABLE, "chief", Ruling.NEEDS_APPROVAL, {"vital-accounts-need-a-person"}),
        (DISABLE, "svc-pay", Ruling.NEEDS_APPROVAL, {"service-accounts-need-a-person"}),
        (DISABLE, "robot", Ruling.NEEDS_APPROVAL, {"service-accounts-need-a-person"}),
        (Command.RELEASE_HOST, WS, Ruling.DENY, {"no-playbook-answers"}),
        (Command.ENABLE_ACCOUNT, "user-1", Ruling.DENY, {"no-playbook-answers"}),
    ],
)
def test_assets_are_treated_as_the_institution_values_them(
    make_grounds: MakeGrounds, command: Command, target: str, ruling: Ruling, policies: set[str]
) -> None:
    assert ruled(make_grounds([(command, target)])) == (ruling, policies)


@pytest.mark.parametrize("route", Route)
@pytest.mark.parametrize("disposition", Disposition)
def test_only_verdicts_that_ask_for_a_response_to_an_attack_are_followed(
    make_grounds: MakeGrounds, route: Route, disposition: Disposition
) -> None:
    ruling, policies = ruled(make_grounds([(ISOLATE, WS)], route=route, disposition=disposition))
    expected = {
        (Route.RESPOND, Disposition.MALICIOUS): Ruling.ALLOW,
        (Route.RESPOND, Disposition.SUSPICIOUS): Ruling.NEEDS_APPROVAL,
    }.get((route, disposition), Ruling.DENY)
    assert ruling is expected
    if expected is Ruling.DENY:
        assert ("only-route-respond" in policies) == (route is not Route.RESPOND)
        assert ("only-attacks" in policies) == (disposition in (Disposition.BENIGN, Disposition.UNDETERMINED))


def contacts(command: Command, number: int, *, started_at: int, automatic: bool, in_force: bool) -> Standing:
    return Standing(
        tuple(
            Contact("ex-0", index, command, f"other:{index}", automatic, started_at, in_force)
            for index in range(number)
        ),
        NOW,
    )


@pytest.mark.parametrize(("command", "target", "what"), [(ISOLATE, WS, "hosts"), (DISABLE, "user-1", "accounts")])
@pytest.mark.parametrize(
    ("number", "age", "automatic", "in_force", "held_back"),
    [
        (9, 0, True, True, None),
        (10, 0, True, True, "hourly"),
        (10, 0, True, False, "hourly"),
        (10, HOUR, True, True, None),
        (10, 0, False, True, None),
        (24, HOUR, True, True, None),
        (25, HOUR, True, True, "standing"),
        (25, HOUR, True, False, None),
        (99, 0, False, True, None),
    ],
)
def test_ceilings_hold_back_what_no_person_approved(
    make_grounds: MakeGrounds,
    command: Command,
    target: str,
    what: str,
    number: int,
    age: int,
    automatic: bool,
    in_force: bool,
    held_back: str | None,
) -> None:
    standing = contacts(command, number, started_at=NOW - age, automatic=automatic, in_force=in_force)
    ruling, policies = ruled(make_grounds([(command, target)]), standing=standing)
    if held_back is None:
        assert ruling is Ruling.ALLOW
    else:
        assert (ruling, policies) == (Ruling.NEEDS_APPROVAL, {f"{held_back}-ceiling-for-{what}"})


def test_one_commands_ceiling_does_not_hold_back_the_other(make_grounds: MakeGrounds) -> None:
    standing = contacts(DISABLE, 99, started_at=NOW, automatic=True, in_force=True)
    assert ruled(make_grounds([(ISOLATE, WS)]), standing=standing)[0] is Ruling.ALLOW


def test_a_plan_meets_the_ceiling_that_it_would_break_itself(make_grounds: MakeGrounds) -> None:
    items = planned(make_grounds([(ISOLATE, f"ws-{number}.bank.example") for number in range(13)]))
    assert [item.decision.ruling for item in items] == [Ruling.ALLOW] * 10 + [Ruling.NEEDS_APPROVAL] * 3


def test_the_same_wish_twice_is_one_action(make_grounds: MakeGrounds) -> None:
    assert len(planned(make_grounds([(ISOLATE, WS), (ISOLATE, WS)]))) == 1


def test_what_is_in_force_is_not_done_again(make_grounds: MakeGrounds) -> None:
    held = Standing((Contact("ex-0", 0, ISOLATE, f"host:{WS}", True, NOW - 2 * HOUR, True),), NOW)
    assert ruled(make_grounds([(ISOLATE, WS)]), standing=held) == (Ruling.DENY, {"already-in-force"})


def test_what_detectors_did_not_tie_to_the_incident_is_left_alone(make_grounds: MakeGrounds) -> None:
    proved = [Entity(type=EntityType.HOST, value="ws-2.bank.example"), Entity(type=EntityType.USER, value=WS)]
    assert ruled(make_grounds([(ISOLATE, WS)], proved=proved)) == (Ruling.DENY, {"target-in-incident"})


def test_what_no_connector_reaches_is_denied_even_where_policy_allows(make_grounds: MakeGrounds) -> None:
    (item,) = planned(make_grounds([(ISOLATE, WS)]), connected=False)
    assert (item.decision.ruling, item.decision.policies) == (Ruling.DENY, ("no-connector-reaches",))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "*",
        "WS-1.bank.example",
        "ws-1.bank.example ",
        "ws-1.bank.example\n",
        "ws-1",
        "ｗｓ-1.bank.example",
        "ws-1.bank.example; reboot",
        "../accounts/admin",
        'x" }; permit(principal, action, resource);',
    ],
)
def test_hostile_names_reach_nothing(make_grounds: MakeGrounds, name: str) -> None:
    """A name is looked up exactly as it stands, even if the incident holds it."""
    proved = [Entity(type=EntityType.HOST, value=name)]
    assert ruled(make_grounds([(ISOLATE, name)], proved=proved)) == (Ruling.DENY, {"target-in-inventory"})


@given(
    target=st.sampled_from(["pay.bank.example", "dc.bank.example", "siem.bank.example", "unknown.example"]),
    route=st.sampled_from(Route),
    disposition=st.sampled_from(Disposition),
    hour=st.integers(0, 40),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_verdict_touches_a_protected_asset_by_itself(
    make_grounds: MakeGrounds, target: str, route: Route, disposition: Disposition, hour: int
) -> None:
    standing = contacts(ISOLATE, hour, started_at=NOW, automatic=True, in_force=True)
    ruling, _ = ruled(make_grounds([(ISOLATE, target)], route=route, disposition=disposition), standing=standing)
    assert ruling is not Ruling.ALLOW


def test_policies_that_fail_deny(make_grounds: MakeGrounds) -> None:
    """An institution's own policy that overflows while it is evaluated must not open anything."""
    shipped = """
    @id("yes") @en("Yes.") @ja("はい。") permit (principal, action, resource);
    @id("no") @en("No.") @ja("いいえ。")
    forbid (principal, action == Action::"isolate_host", resource)
    when { context.automatic_last_hour + 9223372036854775807 > 0 };
    """
    schema = """
    entity Service;
    entity Host { criticality: String, role: String, management: Bool };
    entity Account { criticality: String, kind: String };
    type G = { approved: Bool, disposition: String, route: String,
               automatic_last_hour: Long, automatic_in_force: Long };
    action isolate_host appliesTo { principal: Service, resource: Host, context: G };
    action disable_account appliesTo { principal: Service, resource: Account, context: G };
    """
    made = plan(
        make_grounds([(ISOLATE, WS)]),
        playbooks=PLAYBOOKS,
        connectors=[Everything()],
        policy=ResponsePolicy(Policies(schema, shipped, origin="test")),
        standing=contacts(ISOLATE, 1, started_at=NOW, automatic=True, in_force=True),
        clock=ManualClock(NOW),
    )
    assert made.actions[0].decision.policies == ("deny-on-error",)


@pytest.mark.parametrize(
    ("asked_by", "approvers", "lacking"),
    [
        ("service:respond", {"person:ann"}, set[str]()),
        ("person:bob", {"person:ann"}, set[str]()),
        ("person:ann", {"person:ann", "person:bob"}, set[str]()),
        ("person:ann", {"person:ann"}, {"four-eyes"}),
        ("person:ann", set[str](), {"vital-hosts-need-a-person"}),
    ],
)
def test_who_asked_for_an_action_does_not_approve_it_alone(
    make_grounds: MakeGrounds, asked_by: str, approvers: set[str], lacking: set[str]
) -> None:
    grounds = make_grounds([(ISOLATE, "pay.bank.example")])
    (item,) = planned(grounds)
    lacks = POLICY.consent_lacks(item.action, grounds, Standing((), NOW), approvers=approvers, asked_by=asked_by)
    assert (set(lacks.policies) if lacks else set[str]()) == lacking
    assert lacks is None or (lacks.reason and lacks.reason_ja)


def test_every_shipped_policy_is_named_by_a_test() -> None:
    """A new policy needs its case here."""
    tested = {
        "respond-to-proved-attacks",
        "only-route-respond",
        "only-attacks",
        "suspicion-needs-a-person",
        "management-hosts-stay-reachable",
        "vital-hosts-need-a-person",
        "vital-accounts-need-a-person",
        "domain-controllers-need-a-person",
        "service-accounts-need-a-person",
        "four-eyes",
        *(f"{kind}-ceiling-for-{what}" for kind in ("hourly", "standing") for what in ("hosts", "accounts")),
    }
    assert set(Policies.shipped("respond").texts) == tested
