"""A small bank, and verdicts about it."""

from collections.abc import Callable, Sequence

import pytest

from sakimori.records import (
    AccountAsset,
    Command,
    Criticality,
    Disposition,
    Entity,
    EntityType,
    HostAsset,
    Incident,
    Inventory,
    Proposal,
    Route,
    Severity,
    Verdict,
)
from sakimori.respond import Grounds

NOW = 1_800_000_000_000_000_000


def host(name: str, *, role: str = "workstation", criticality: Criticality = Criticality.NORMAL) -> HostAsset:
    return HostAsset(
        name=name, role=role, criticality=criticality, address="192.0.2.1", users=("taro", "hanako"), services=("s",)
    )


def account(name: str, *, kind: str = "staff", criticality: Criticality = Criticality.NORMAL) -> AccountAsset:
    return AccountAsset(name=name, display_name=name, criticality=criticality, kind=kind, hosts=("fs.bank.example",))


HOSTS = (
    *(host(f"ws-{number}.bank.example") for number in range(40)),
    host("fs.bank.example", role="file-server", criticality=Criticality.HIGH),
    host("pay.bank.example", role="payment-gateway", criticality=Criticality.VITAL),
    host("dc.bank.example", role="Domain Controller", criticality=Criticality.HIGH),
    host("siem.bank.example", role="management"),
    host("twice.bank.example"),
    host("twice.bank.example", criticality=Criticality.VITAL),
)
ACCOUNTS = (
    *(account(f"user-{number}") for number in range(40)),
    account("太郎"),
    account("admin", kind="admin", criticality=Criticality.HIGH),
    account("svc-pay", kind="Service"),
    account("robot", kind="robot"),
    account("chief", criticality=Criticality.VITAL),
)


@pytest.fixture
def make_grounds() -> Callable[..., Grounds]:
    """Grounds for (command, target name) proposals; every asset of the bank is in the incident unless told."""

    def make(
        proposals: Sequence[tuple[Command, str]],
        *,
        disposition: Disposition = Disposition.MALICIOUS,
        route: Route = Route.RESPOND,
        proved: Sequence[Entity] | None = None,
        verdict_id: str = "vd-1",
        tenant: str = "bank",
    ) -> Grounds:
        entities = tuple(
            dict.fromkeys(
                [
                    *(Entity(type=EntityType.HOST, value=item.name) for item in HOSTS),
                    *(Entity(type=EntityType.USER, value=item.name) for item in ACCOUNTS),
                ]
            )
        )
        verdict = Verdict(
            id=verdict_id,
            tenant=tenant,
            incident_id="in-1",
            investigator="offline",
            model=None,
            disposition=disposition,
            severity=Severity.CRITICAL,
            route=route,
            summary="",
            summary_ja="",
            claims=(),
            dropped=(),
            proposals=tuple(
                Proposal(
                    command=command,
                    target=Entity(type=EntityType.HOST if "host" in command.value else EntityType.USER, value=name),
                    reason="",
                    reason_ja="",
                )
                for command, name in proposals
            ),
            reasons=(),
            made_at=NOW,
        )
        incident = Incident(
            id="in-1",
            tenant=tenant,
            title="",
            title_ja="",
            severity=Severity.CRITICAL,
            score=90,
            first_time=NOW,
            last_time=NOW,
            finding_ids=(),
            entities=entities if proved is None else tuple(proved),
        )
        return Grounds(verdict, incident, Inventory(tenant=tenant, taken_at=NOW, hosts=HOSTS, accounts=ACCOUNTS))

    return make
