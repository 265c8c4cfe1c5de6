"""Only the provider's own announcements are taken in, and each only once."""

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import OpenAI

from sakimori.access.secrets import Secrets
from sakimori.core import ManualClock
from sakimori.gateway.oversight import Oversight, Webhook, WebhookRefused
from sakimori.ledger import Ledger, LocalSigner
from sakimori.records import Finding
from sakimori.store import Database, oversight

NOW = 1_790_000_000
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


@pytest.fixture
def webhook(database: Database, tmp_path: Path) -> Webhook:
    clock = ManualClock(NOW * 10**9)
    ledger = Ledger(LocalSigner(Secrets.embedded(tmp_path / "secrets")))
    watched = Oversight(database, ledger, "銀行", keep=lambda transaction, found: transaction.put(*found), clock=clock)
    return Webhook(watched, SECRET, clock)


def event(type: str, **data: Any) -> bytes:
    return orjson.dumps({"id": "evt_1", "created_at": NOW, "object": "event", "type": type, "data": data})


def signed(body: bytes, *, secret: str = SECRET, at: int = NOW, id: str = "wh_1") -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    mac = base64.b64encode(hmac.digest(key, f"{id}.{at}.".encode() + body, hashlib.sha256)).decode()
    return {"Webhook-Id": id, "webhook-timestamp": str(at), "Webhook-Signature": f"v1,{'A' * 44} v1,{mac}"}


def waiting(database: Database) -> list[tuple[str, str]]:
    with database.snapshot("銀行") as snapshot:
        return [(notice.kind, notice.id) for notice in oversight.waiting(snapshot, limit=9)]


def test_the_sdk_takes_the_same_signatures() -> None:
    body = event("safety.alert.created", id="sa_1")
    client = OpenAI(api_key="x")
    client.webhooks.verify_signature(body, signed(body), secret=SECRET, tolerance=10**10)


def test_what_is_announced_waits_to_be_fetched_once(webhook: Webhook, database: Database) -> None:
    for type, id in (
        ("safety.alert.created", "sa_1"),
        ("safety.org_alert.created", "sa_1"),
        ("safety.alert.created", "sa_1"),
        ("safety.warning_issued", "sc_1"),
        ("safety.deactivation_issued", "sc_2"),
    ):
        body = event(type, id=id)
        assert webhook.take(signed(body), body)
    assert waiting(database) == [("alert", "sa_1"), ("case", "sc_1"), ("case", "sc_2")]


def test_a_blocked_identifier_is_a_finding_at_once_and_once(webhook: Webhook, database: Database) -> None:
    body = event("safety_identifier.blocked", safety_category="cyber", safety_identifier="b" * 64, model="gpt-5")
    for _ in range(2):
        assert webhook.take(signed(body), body)
    with database.snapshot("銀行") as snapshot:
        (finding,) = snapshot.all(Finding)
    assert (finding.rule_id, finding.severity.label) == ("openai.block.cyber", "high")
    assert not waiting(database)


def test_other_events_are_none_of_our_business(webhook: Webhook, database: Database) -> None:
    body = event("response.completed", id="resp_1")
    assert not webhook.take(signed(body), body)
    assert not waiting(database)


BODY = event("safety.alert.created", id="sa_1")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(BODY, secret="whsec_" + base64.b64encode(b"x" * 32).decode()),
        signed(BODY + b" "),
        signed(BODY, at=NOW - 301),
        signed(BODY, at=NOW + 301),
        {**signed(BODY), "Webhook-Id": "wh_2"},
        {**signed(BODY), "webhook-timestamp": str(NOW + 1)},
        {**signed(BODY), "webhook-timestamp": "１７９"},
        {**signed(BODY), "Webhook-Signature": ""},
        {**signed(BODY), "Webhook-Signature": "v1,\ud800 署名"},
    ],
)
def test_what_the_provider_did_not_sign_just_now_is_refused(
    webhook: Webhook, database: Database, headers: dict[str, str]
) -> None:
    with pytest.raises(WebhookRefused):
        webhook.take(headers, BODY)
    assert not waiting(database)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", event("safety.alert.created"), event("safety.alert.created", id="../../models")]
)
def test_a_signed_event_that_names_nothing_is_refused(webhook: Webhook, database: Database, body: bytes) -> None:
    with pytest.raises(WebhookRefused):
        webhook.take(signed(body), body)
    assert not waiting(database)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(
    body=st.binary(max_size=80),
    headers=st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()),
)
def test_no_bytes_from_strangers_get_in(webhook: Webhook, body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(WebhookRefused):
        webhook.take(headers, body)
