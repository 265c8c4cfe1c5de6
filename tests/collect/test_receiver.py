"""What a webhook's sender hears, and what is kept then."""

import asyncio
import io
import json
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from tests.collect.alerts.samples import GRAPH

from sakimori.access import Principal
from sakimori.access.policy import Policies
from sakimori.access.rights import Rights
from sakimori.collect.inbox import Inbox
from sakimori.collect.receiver import MAX_BODY, Receiver

_KEYS = {
    "of-bank": Principal(tenant="bank", id="1", kind="key", scopes=frozenset({"alerts"})),
    "of-other": Principal(tenant="other", id="2", kind="key", scopes=frozenset({"alerts"})),
    "revoked": Principal(tenant="bank", id="4", kind="key", scopes=frozenset({"alerts"}), active=False),
    "of-no-known-kind": Principal(tenant="bank", id="5", kind="service", scopes=frozenset({"alerts"})),
    "for-models": Principal(tenant="bank", id="3", kind="key", scopes=frozenset({"gateway.call"})),
}
_BODY = json.dumps(GRAPH).encode()


def _post(
    folder: Path, body: bytes, authorization: str | None, rights: Rights | None = None
) -> tuple[int, dict[str, object]]:
    async def post() -> tuple[int, dict[str, object]]:
        application = Receiver(Inbox(folder), _KEYS.get, rights or Rights()).application()
        async with TestClient(TestServer(application)) as client:
            headers = {} if authorization is None else {"Authorization": authorization}
            async with client.post("/alerts", data=io.BytesIO(body), headers=headers) as response:
                return response.status, await response.json()

    return asyncio.run(post())


def test_an_accepted_body_is_kept_for_the_institution_of_the_key(tmp_path: Path) -> None:
    assert _post(tmp_path, _BODY, "Bearer of-bank") == (202, {"kept": 1})
    assert _post(tmp_path, _BODY + b"\n" + _BODY, "Bearer of-other") == (202, {"kept": 2})
    assert (tmp_path / "bank.ndjson").read_bytes() == _BODY + b"\n"
    assert (tmp_path / "other.ndjson").read_bytes() == (_BODY + b"\n") * 2


@pytest.mark.parametrize(
    ("body", "authorization", "status"),
    [
        (_BODY, None, 401),
        (_BODY, "Bearer nobody's", 401),
        (_BODY, "Basic of-bank", 401),
        (_BODY, "Bearer for-models", 403),
        (_BODY, "Bearer revoked", 403),
        (_BODY, "Bearer of-no-known-kind", 403),
        (b"no JSON", "Bearer of-bank", 400),
        (b"x" * (MAX_BODY + 1), "Bearer of-bank", 413),
    ],
)
def test_anything_else_is_refused_with_a_reason_and_not_kept(
    body: bytes, authorization: str | None, status: int, tmp_path: Path
) -> None:
    heard, answer = _post(tmp_path, body, authorization)
    assert heard == status
    assert answer["error"]
    assert not list(tmp_path.iterdir())


def test_where_it_cannot_be_kept_the_sender_hears_that_it_was_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    heard, answer = _post(tmp_path / "file", _BODY, "Bearer of-bank")
    assert heard == 507
    assert "send it again" in str(answer["error"])


def test_a_refusal_says_by_which_policy(tmp_path: Path) -> None:
    _, answer = _post(tmp_path, _BODY, "Bearer for-models")
    assert answer["error"] == (
        "this key may not send alerts: No policy permits this. (deny-by-default) Keys of scope alerts may."
    )


def test_a_policy_that_cannot_be_evaluated_lets_nobody_in(tmp_path: Path) -> None:
    schema = """
        entity Key { scopes: Set<String>, institution: String, active: Bool, number?: Long };
        entity Institution { institution: String };
        action send_alerts appliesTo { principal: Key, resource: Institution, context: {} };
    """
    texts = """
        @id("all") @en("All.") @ja("全員") permit (principal, action, resource);
        @id("odd") @en("Odd.") @ja("異常") forbid (principal, action, resource)
        when { principal has number && principal.number == 1 || principal.scopes.contains("alerts") &&
               9223372036854775807 + (if principal.active then 1 else 0) > 0 };
    """
    broken = Rights(Policies(schema, texts, origin="broken"))
    heard, answer = _post(tmp_path, _BODY, "Bearer of-bank", broken)
    assert (heard, "deny-on-error" in str(answer["error"])) == (403, True)
    assert not list(tmp_path.iterdir())
