"""Who may take which step of a grant: the institution asks, the authority agrees, and never one person both."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from sakimori.access import Principal, Role
from sakimori.access.rights import Denied, Rights
from sakimori.access.secrets import Secrets
from sakimori.core import ManualClock
from sakimori.ledger import Ledger, LocalSigner
from sakimori.programme import Granting
from sakimori.records import DataClass, Grant, GrantState, Limit, Window
from sakimori.store import Database

BANK = "あおぞら銀行"
WANTED = Grant(
    id="g",
    tenant=BANK,
    state=GrantState.READY,
    models=("m",),
    purposes=("p",),
    data_classes=(DataClass.STRUCTURED,),
    limits=(Limit(window=Window.DAY, yen=Decimal(5)),),
    not_before=1,
    not_after=2,
)


def person(name: str, tenant: str, *roles: Role) -> Principal:
    return Principal(tenant, name, "person", frozenset(), frozenset(roles))


ADMIN = person("佐藤", BANK, Role.INSTITUTION_ADMIN)
OPERATOR = person("op", "authority", Role.AUTHORITY_OPERATOR)


@pytest.fixture
def granting(database: Database, tmp_path: Path) -> Granting:
    return Granting(database, Ledger(LocalSigner(Secrets.embedded(tmp_path))), Rights(), clock=ManualClock(5))


def test_the_institution_asks_and_the_authority_agrees(granting: Granting) -> None:
    asked = granting.request(WANTED, ADMIN)
    assert (asked.state, asked.requested_by) == (GrantState.REQUESTED, "person:佐藤")
    assert granting.approve(BANK, "g", OPERATOR).state is GrantState.APPROVED
    assert granting.provision(BANK, "g", OPERATOR).state is GrantState.PROVISIONED


@pytest.mark.parametrize("by", [ADMIN, person("x", BANK, *set(Role) - {Role.AUTHORITY_OPERATOR})])
def test_the_institution_agrees_to_nothing(granting: Granting, by: Principal) -> None:
    granting.request(WANTED, ADMIN)
    with pytest.raises(Denied, match="may not manage_grants"):
        granting.approve(BANK, "g", by)
    with pytest.raises(Denied, match="may not manage_grants"):
        granting.provision(BANK, "g", by)


def test_others_ask_for_nothing_in_its_name(granting: Granting) -> None:
    for by in (OPERATOR, person("x", "みどり信用金庫", Role.INSTITUTION_ADMIN), person("y", BANK, Role.LEAD)):
        with pytest.raises(Denied, match="may not request_grants"):
            granting.request(WANTED, by)


def test_nobody_agrees_to_what_they_asked_for(granting: Granting) -> None:
    both = person("両方", BANK, Role.INSTITUTION_ADMIN, Role.AUTHORITY_OPERATOR)
    granting.request(WANTED, both)
    with pytest.raises(Denied, match="asked for grant 'g' and may not approve it"):
        granting.approve(BANK, "g", both)
    granting.approve(BANK, "g", OPERATOR)


def test_where_nobody_signs_in_one_account_does_both(granting: Granting) -> None:
    owner = Principal(BANK, "root", "owner", frozenset())
    granting.request(replace(WANTED, id="h"), owner)
    assert granting.approve(BANK, "h", owner).state is GrantState.APPROVED
