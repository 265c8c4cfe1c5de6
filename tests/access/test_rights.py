"""Who may do what: every role and every scope, against everything there is to do."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from sakimori.access import Principal, Role
from sakimori.access.policy import Policies
from sakimori.access.rights import Denied, Resource, Right, Rights
from sakimori.core import InputError

BANK = "あおぞら銀行"
R = Right
MAY: dict[Role, set[Right]] = {
    Role.ANALYST: {
        R.READ_INCIDENTS,
        R.READ_RAW_RECORDS,
        R.SCAN_TELEMETRY,
        R.READ_RESPONSES,
        R.ASK_APPROVAL,
        R.VERIFY_LEDGER,
    },
    Role.LEAD: {
        R.READ_INCIDENTS,
        R.READ_RAW_RECORDS,
        R.SCAN_TELEMETRY,
        R.READ_RESPONSES,
        R.ASK_APPROVAL,
        R.APPROVE_ACTION,
        R.UNDO_RESPONSE,
        R.READ_LEDGER,
        R.VERIFY_LEDGER,
        R.REVEAL_TOKENS,
    },
    Role.ENGINEER: {
        R.READ_INCIDENTS,
        R.SCAN_TELEMETRY,
        R.READ_RESPONSES,
        R.ASK_APPROVAL,
        R.UNDO_RESPONSE,
        R.VERIFY_LEDGER,
        R.SEAL_LEDGER,
        R.COSIGN_LEDGER,
        R.RECEIVE_ALERTS,
        R.SERVE_GATEWAY,
        R.READ_PROVIDERS,
        R.READ_GRANTS,
        R.ROTATE_SECRETS,
        R.MANAGE_BOUNDARY,
    },
    Role.AUDITOR: {
        R.READ_INCIDENTS,
        R.READ_RESPONSES,
        R.READ_LEDGER,
        R.VERIFY_LEDGER,
        R.COSIGN_LEDGER,
        R.READ_PROVIDERS,
        R.READ_GRANTS,
        R.READ_PROGRAMME,
        R.EXPLAIN_ACCESS,
    },
    Role.INSTITUTION_ADMIN: {
        R.READ_LEDGER,
        R.VERIFY_LEDGER,
        R.ERASE_LEDGER_CONTENT,
        R.ACCEPT_LEDGER_LOSS,
        R.MANAGE_KEYS,
        R.MANAGE_PEOPLE,
        R.REQUEST_GRANTS,
        R.READ_PROVIDERS,
        R.READ_GRANTS,
        R.READ_PROGRAMME,
        R.EXPLAIN_ACCESS,
    },
    Role.AUTHORITY_OPERATOR: {
        R.VERIFY_LEDGER,
        R.COSIGN_LEDGER,
        R.MANAGE_KEYS,
        R.MANAGE_PEOPLE,
        R.MANAGE_GRANTS,
        R.MANAGE_INSTITUTIONS,
        R.MANAGE_PROVIDERS,
        R.READ_PROVIDERS,
        R.READ_GRANTS,
        R.READ_PROGRAMME,
        R.EXPLAIN_ACCESS,
    },
}
KEYS: dict[str, set[Right]] = {
    "gateway": {R.CALL_MODELS},
    "alerts": {R.SEND_ALERTS},
    "incidents.read": {R.READ_INCIDENTS, R.READ_RESPONSES},
    "ledger.read": {R.READ_LEDGER, R.VERIFY_LEDGER},
    "services": {R.SERVE_GATEWAY, R.RECEIVE_ALERTS, R.SCAN_TELEMETRY, R.SEAL_LEDGER, R.VERIFY_LEDGER},
    "structured": set(),
}
ELSEWHERE = {
    R.MANAGE_KEYS,
    R.MANAGE_PEOPLE,
    R.MANAGE_GRANTS,
    R.MANAGE_INSTITUTIONS,
    R.READ_GRANTS,
    R.READ_PROGRAMME,
    R.EXPLAIN_ACCESS,
}
TAKES_OUT = {R.ERASE_LEDGER_CONTENT, R.ACCEPT_LEDGER_LOSS}
CHANGES = {
    R.MANAGE_BOUNDARY,
    R.MANAGE_KEYS,
    R.MANAGE_PEOPLE,
    R.REQUEST_GRANTS,
    R.MANAGE_GRANTS,
    R.MANAGE_INSTITUTIONS,
    R.MANAGE_PROVIDERS,
    R.ROTATE_SECRETS,
    R.SERVE_GATEWAY,
    R.RECEIVE_ALERTS,
    R.SEAL_LEDGER,
    *TAKES_OUT,
}
RIGHTS = Rights()


def person(*roles: Role, signs: bool = True, active: bool = True, tenant: str = BANK) -> Principal:
    return Principal(tenant, "山田", "person", frozenset(), frozenset(roles), signs, active)


def may(principal: Principal, right: Right, institution: str = BANK) -> bool:
    answer = RIGHTS.decide(principal, right, Resource.about(right, institution))
    assert not answer.errors
    assert answer.policies
    return answer.allowed


def named(principal: Principal, right: Right, institution: str = BANK) -> set[str]:
    return {text.name for text in RIGHTS.decide(principal, right, Resource.about(right, institution)).policies}


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("role", Role)
def test_every_role_and_everything_to_do(role: Role, right: Right) -> None:
    assert may(person(role), right) == (right in MAY[role])


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("role", Role)
def test_in_another_institution_only_operators_and_only_the_programme(role: Role, right: Right) -> None:
    expected = role is Role.AUTHORITY_OPERATOR and right in ELSEWHERE
    assert may(person(role), right, "みどり信用金庫") == expected
    if not expected:
        assert "own-institution-only" in named(person(role), right, "みどり信用金庫")


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("scope", KEYS)
def test_every_scope_of_a_key_and_everything_to_do(scope: str, right: Right) -> None:
    key = Principal(BANK, "k1", "key", frozenset({scope}))
    assert may(key, right) == (right in KEYS[scope])
    assert not may(key, right, "みどり信用金庫")


@pytest.mark.parametrize("right", Right)
def test_who_has_no_role_or_was_removed_may_nothing(right: Right) -> None:
    assert not may(person(), right)
    everything = person(*(role for role in Role), active=False)
    assert "removed-people-may-nothing" in named(everything, right)
    dead = Principal(BANK, "k1", "key", frozenset(KEYS), active=False)
    assert "dead-keys-open-nothing" in named(dead, right)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.AUDITOR])
def test_an_auditor_changes_nothing_whatever_else_they_are(role: Role) -> None:
    both = person(Role.AUDITOR, role)
    for right in CHANGES | {R.ASK_APPROVAL, R.APPROVE_ACTION, R.UNDO_RESPONSE, R.SCAN_TELEMETRY}:
        assert not may(both, right)
        assert "auditors-change-nothing" in named(both, right)


def test_an_operator_sees_no_content_whatever_else_they_are() -> None:
    both = person(Role.AUTHORITY_OPERATOR, Role.LEAD)
    for right in (
        R.READ_INCIDENTS,
        R.READ_RAW_RECORDS,
        R.READ_RESPONSES,
        R.ASK_APPROVAL,
        R.APPROVE_ACTION,
        R.REVEAL_TOKENS,
        R.SCAN_TELEMETRY,
    ):
        assert "operators-see-no-content" in named(both, right)


@pytest.mark.parametrize("right", sorted(TAKES_OUT))
@pytest.mark.parametrize("role", [Role.ANALYST, Role.LEAD, Role.ENGINEER])
def test_whom_the_ledger_tells_of_takes_nothing_out_of_it_whatever_else_they_are(role: Role, right: Right) -> None:
    assert may(person(Role.INSTITUTION_ADMIN), right)
    assert named(person(Role.INSTITUTION_ADMIN, role), right) == {"whom-the-ledger-tells-of-takes-nothing-out"}


@pytest.mark.parametrize("role", Role)
def test_nobody_may_both_erase_from_the_ledger_and_cosign_it(role: Role) -> None:
    for other in Role:
        both = person(role, other)
        assert not (may(both, R.ERASE_LEDGER_CONTENT) and may(both, R.COSIGN_LEDGER))
    assert "who-may-erase-does-not-cosign" in named(person(Role.INSTITUTION_ADMIN, role), R.COSIGN_LEDGER)


def test_a_change_of_who_somebody_is_changes_the_answer_at_once() -> None:
    """Answers are kept in memory; what is kept was said of exactly this principal."""
    for _ in range(2):
        assert RIGHTS.may(person(Role.LEAD), R.APPROVE_ACTION).allowed
        assert not RIGHTS.may(person(Role.LEAD, active=False), R.APPROVE_ACTION).allowed
        assert not RIGHTS.may(person(Role.ANALYST), R.APPROVE_ACTION).allowed


def test_consent_needs_a_registered_key() -> None:
    assert may(person(Role.LEAD), R.APPROVE_ACTION)
    assert named(person(Role.LEAD, signs=False), R.APPROVE_ACTION) == {"consent-needs-a-registered-key"}


def test_the_owner_of_an_install_without_sign_in_may_everything() -> None:
    owner = Principal("local", "root", "owner", frozenset())
    assert all(may(owner, right) for right in Right)


def test_a_principal_of_another_kind_is_an_error_and_so_a_denial() -> None:
    service = Principal(BANK, "x", "service", frozenset())
    answer = RIGHTS.decide(service, R.READ_INCIDENTS, Resource.about(R.READ_INCIDENTS, BANK))
    assert not answer.allowed
    assert answer.errors


def test_a_thing_of_the_wrong_kind_is_an_error_and_so_a_denial() -> None:
    answer = RIGHTS.decide(person(Role.LEAD), R.READ_INCIDENTS, Resource("Vault", "v", BANK))
    assert (answer.allowed, answer.policies[0].name) == (False, "deny-on-error")


def test_a_denial_says_which_policy_and_why() -> None:
    with pytest.raises(Denied, match=r"person:山田 may not reveal_tokens vault:あおぞら銀行: No policy permits this\."):
        RIGHTS.require(person(Role.ANALYST), R.REVEAL_TOKENS, Resource.about(R.REVEAL_TOKENS, BANK))


def test_rights_and_the_schema_name_the_same_things() -> None:
    schema = (files("sakimori") / "content" / "policies" / "access" / "schema.cedarschema").read_text("utf-8")
    assert set(re.findall(r"^action (\w+) ", schema, re.MULTILINE)) == set(Right)
    for right in Right:
        assert re.search(rf"^action {right} .* resource: {Resource.about(right, BANK).kind},", schema, re.MULTILINE)


def test_every_policy_is_used_by_one_of_these_tests() -> None:
    """Each is a ground of some decision, so that none is there in vain."""
    grounds: set[str] = set()
    people = [person(role) for role in Role] + [person(Role.AUDITOR, Role.LEAD), person(Role.LEAD, signs=False)]
    people += [person(Role.AUTHORITY_OPERATOR, Role.LEAD), person(Role.LEAD, active=False)]
    programs = [Principal(BANK, "k", "key", frozenset({scope}), active=on) for scope in KEYS for on in (True, False)]
    for principal in [*people, *programs, Principal(BANK, "root", "owner", frozenset())]:
        for right in Right:
            for institution in (BANK, "other"):
                grounds |= named(principal, right, institution)
    assert set(Policies.shipped("access").texts) == grounds - {"deny-by-default"}


@pytest.mark.parametrize("text", ["", "incident", "incident:", "secret:x", "Incident:x"])
def test_what_names_nothing_is_said_so(text: str) -> None:
    with pytest.raises(InputError, match="names nothing that rights are about"):
        Resource.parse(text, BANK)
    assert Resource.parse("institution:国", BANK) == Resource("Institution", "国", "国")
    assert Resource.parse("incident:in-1", BANK) == Resource("Incident", "in-1", BANK)


def test_the_table_in_the_documentation_says_what_the_policies_do() -> None:
    page = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")
    lines = page.split("## Roles\n\n")[1].split("\n\n")[0].splitlines()
    headings, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    told: dict[str, list[str]] = {}
    for rights, *cells in rows:
        told.update(dict.fromkeys(re.findall(r"`([a-z_]+)`", rights), cells))
    assert set(told) == set(Right)
    roles = [Role(heading.replace(" ", "_")) for heading in headings[1:-1]]
    scopes = {scope for cells in told.values() for scope in re.findall(r"`([a-z.]+)`", cells[-1])}
    asked = Rights()
    for right in Right:
        *by_role, by_scope = told[right]
        for role, cell in zip(roles, by_role, strict=True):
            person = Principal(BANK, "p", "person", frozenset(), frozenset({role}), signs=True)
            assert asked.may(person, right).allowed == ("✓" in cell), (right, role)
            elsewhere = asked.decide(person, right, Resource.about(right, "another"))
            assert elsewhere.allowed == ("any institution" in cell), (right, role)
        for scope in scopes:
            key = Principal(BANK, "k", "key", frozenset({scope}))
            assert asked.may(key, right).allowed == (f"`{scope}`" in by_scope), (right, scope)
