"""A bank with a key and a grant, a gateway that serves it, and a scripted provider that speaks OpenAI's wire format."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from tests.scripted_provider import MODEL, Upstream, serving

from sakimori.access import keys
from sakimori.access.secrets import Secrets
from sakimori.core import SystemClock
from sakimori.gateway import KeyReference, PriceList, Provider, Providers, Timeouts, running
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import (
    AccountAsset,
    Criticality,
    DataClass,
    Grant,
    GrantState,
    HostAsset,
    Inventory,
    LedgerEntry,
    Limit,
    Window,
)
from sakimori.store import Database

DAY = 86_400_000_000_000


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving() as made:
        yield made


@dataclass
class Bank:
    """One institution's side of a gateway."""

    tenant: str
    database: Database
    secrets: Secrets
    ledger: Ledger
    key: str

    def grant(self, **changes: Any) -> Grant:
        """One day's grant of MODEL for investigation, with changes."""
        now = SystemClock().now()
        fields: dict[str, Any] = {
            "id": "gr-1",
            "tenant": self.tenant,
            "state": GrantState.READY,
            "models": (MODEL,),
            "purposes": ("investigation",),
            "data_classes": (DataClass.STRUCTURED,),
            "limits": (Limit(window=Window.DAY, tokens=10_000_000, yen=Decimal(100_000)),),
            "not_before": now - DAY,
            "not_after": now + DAY,
        }
        made = Grant(**{**fields, **changes})
        with self.database.transaction(self.tenant) as transaction:
            transaction.put(made)
        return made

    def inventory(self) -> None:
        """A host, its user, and the bank's own domain."""
        host = HostAsset(
            name="pc-0412.aozora.example",
            role="workstation",
            criticality=Criticality.NORMAL,
            address="10.20.4.12",
            users=("yamada.t",),
        )
        account = AccountAsset(name="yamada.t", display_name="山田 太郎", criticality=Criticality.NORMAL, kind="staff")
        made = Inventory(tenant=self.tenant, taken_at=1, hosts=(host,), accounts=(account,))
        with self.database.transaction(self.tenant) as transaction:
            transaction.put(made)

    def entries(self) -> list[LedgerEntry]:
        with self.database.snapshot(self.tenant) as snapshot:
            return [line.entry for line in self.ledger.lines(snapshot)]

    def issue(self, *scopes: str) -> str:
        with self.database.transaction(self.tenant) as transaction:
            return keys.issue(transaction, self.secrets, name="test", scopes=scopes, clock=SystemClock())[1]


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    database = Database.embedded(tmp_path / "home")
    secrets = Secrets.embedded(tmp_path / "home")
    made = Bank("aozora", database, secrets, Ledger(LocalSigner(secrets)), "")
    made.key = made.issue("gateway", "structured")
    yield made
    database.close()


def scripted(url: str, seconds: float = 2.0, **changes: Any) -> Provider:
    """A provider at this address, with whom everything takes that long at most."""
    fields: dict[str, Any] = {
        "name": "scripted",
        "kind": "compatible",
        "base_url": url,
        "endpoints": frozenset({"responses", "chat/completions", "embeddings", "decisions"}),
        "key": KeyReference("env", "SCRIPTED_KEY"),
        "stored_in": frozenset({"JP"}),
        "processed_in": frozenset({"JP"}),
        "retention": "none",
        "models": None,
        "prices": PriceList.shipped(),
        "timeouts": Timeouts(connect=seconds, first_byte=seconds, answer=seconds, idle=seconds, total=seconds),
    }
    return Provider(**{**fields, **changes})


@pytest.fixture
def providers(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Providers:
    monkeypatch.setenv("SCRIPTED_KEY", "upstream-key")
    return Providers((scripted(upstream.url),))


@pytest.fixture
def base_url(bank: Bank, providers: Providers) -> Iterator[str]:
    with running(bank.database, bank.secrets, bank.ledger, providers) as url:
        yield url


@pytest.fixture
def client(base_url: str, bank: Bank) -> Iterator[OpenAI]:
    """The real SDK, set up as a bank would: another base URL and key."""
    with OpenAI(base_url=base_url, api_key=bank.key, max_retries=0, timeout=30) as made:
        yield made
