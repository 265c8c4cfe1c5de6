"""Asking a model the way the programme means it: through the gateway, under a grant, with a service key."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from decimal import Decimal

from sakimori.access import keys
from sakimori.gateway import SCOPE, STRUCTURED_SCOPE, Providers, running
from sakimori.investigate import Investigator, ModelInvestigator, ModelLimits
from sakimori.records import DataClass, Grant, GrantState, Inventory, LedgerEntry, Limit, Window
from sakimori.service.egress import Departures
from sakimori.service.installation import Installation

PURPOSE = "investigation"
_VALID = 24 * 3600 * 10**9
_PATIENCE = 60.0
"""Seconds for one investigation."""


def provider_is_configured(environment: Mapping[str, str] = os.environ) -> bool:
    return bool(environment.get("OPENAI_API_KEY") or environment.get("OPENAI_BASE_URL"))


@contextmanager
def granted_investigator(
    install: Installation, inventory: Inventory, *, model: str, departures: Departures
) -> Generator[Investigator]:
    """An investigator led by ``model``: a gateway runs for the length of the ``with`` block, on loopback.

    The institution gets a grant for this model and purpose with a small budget, and a service key. ``departures`` is
    told of each call that leaves.

    Raises:
        ProviderMissing: the provider's key or address in the environment cannot be used.
    """
    provider = Providers.from_environment()
    now = install.clock.now()
    grant = Grant(
        id="gr-demo",
        tenant=install.tenant,
        state=GrantState.PROVISIONED,
        models=(model,),
        purposes=(PURPOSE,),
        data_classes=(DataClass.STRUCTURED,),
        limits=(Limit(window=Window.DAY, tokens=2_000_000, yen=Decimal(5_000)),),
        not_before=now,
        not_after=now + _VALID,
    )
    with install.database.transaction(install.tenant) as transaction:
        transaction.put(grant, inventory)
        key, plaintext = keys.issue(
            transaction, install.secrets, name="investigator", scopes=(SCOPE, STRUCTURED_SCOPE), clock=install.clock
        )
        install.ledger.append(
            transaction,
            LedgerEntry(
                id=f"grant.made:{grant.id}",
                tenant=install.tenant,
                time=now,
                actor="service:demo",
                action="grant.made",
                subject=grant.id,
                detail={"models": list(grant.models), "purposes": list(grant.purposes), "key": key.id},
            ),
        )
    gateway = running(
        install.database, install.secrets, install.ledger, provider, clock=install.clock, on_egress=departures.note
    )
    with gateway as url:
        yield ModelInvestigator(
            gateway_url=url,
            service_key=plaintext,
            model=model,
            clock=install.clock,
            limits=ModelLimits(seconds=_PATIENCE),
        )
