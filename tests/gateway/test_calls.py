"""Calls as a client makes them: with OpenAI's own SDK, through a gateway that really serves."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from openai import APIStatusError, AuthenticationError, OpenAI, PermissionDeniedError, RateLimitError
from openai.types.responses import ResponseFunctionToolCall
from tests.gateway.conftest import DAY, Bank, scripted
from tests.openai_wire import response_events, responses_wire
from tests.scripted_provider import MODEL, Upstream, message, response_object

from sakimori.access import Principal
from sakimori.access.policy import Authorisation, PolicyText
from sakimori.access.rights import Resource, Right, Rights
from sakimori.core import SystemClock
from sakimori.gateway import Providers, running
from sakimori.records import CyberAccess, DataClass, Grant, GrantState, LedgerEntry, Limit, Window
from sakimori.store import budgets, usage

PROMPT = "ＰＣ－０４１２ (10.20.4.12) の yamada.t が 203.0.113.9 に接続。パスワードは「hunter2」 4111 1111 1111 1111"
SECRET_PARTS = ("0412", "０４１２", "yamada", "10.20.4.12", "203.0.113.9", "hunter2", "4111")


def test_what_a_prompt_holds_of_the_bank_never_leaves_and_comes_back(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.inventory()
    bank.grant()
    answer = client.responses.create(model=MODEL, input=PROMPT, instructions="Look at PC-0412.")
    assert answer.output_text == PROMPT
    assert not [part for part in SECRET_PARTS if part in upstream.sent]
    assert bank.key not in upstream.sent


def test_chat_completions_come_back_whole_too(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.inventory()
    bank.grant()
    answer = client.chat.completions.create(
        model=MODEL, messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROMPT}]
    )
    assert answer.choices[0].message.content == PROMPT
    assert not [part for part in SECRET_PARTS if part in upstream.sent]


def test_a_large_prompt_takes_its_own_way_and_comes_back_whole(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    grant = bank.grant()
    prompt = "10.20.4.12 failed to log on\n" * 10_000
    assert client.responses.create(model=MODEL, input=prompt).output_text == prompt
    assert "10.20.4.12" not in upstream.sent
    with bank.database.snapshot(bank.tenant) as snapshot:
        assert [made.state for made in budgets.reservations(snapshot, grant.id)] == ["settled"]


def test_every_text_of_a_request_passes_the_boundary(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    """Tool definitions, arguments, results, JSON in strings, keys, metadata, schemas, identifiers."""
    bank.inventory()
    bank.grant()
    client.responses.create(
        model=MODEL,
        metadata={"PC-0412": "yamada.t"},
        prompt_cache_key="yamada.t",
        safety_identifier="yamada.t",
        user="yamada.t",
        tools=[
            {
                "type": "function",
                "name": "isolate",
                "description": "Isolates PC-0412",
                "strict": True,
                "parameters": {
                    "type": "object",
                    "properties": {"PC-0412": {"type": "string", "enum": ["yamada.t"], "description": "10.20.4.12"}},
                    "required": ["PC-0412"],
                },
            }
        ],
        text={
            "format": {
                "type": "json_schema",
                "name": "verdict",
                "schema": {"type": "object", "$defs": {"yamada.t": {"const": "PC-0412"}}},
            }
        },
        input=[
            {"role": "user", "content": [{"type": "input_text", "text": "PC-0412"}]},
            {
                "type": "function_call",
                "call_id": "call-PC-0412",
                "name": "isolate",
                "arguments": json.dumps({"host": "PC-0412", "PC-0412": [{"password": "plain words"}]}),
            },
            {
                "type": "function_call_output",
                "call_id": "call-PC-0412",
                "output": '{"inner": "{\\"ip\\": \\"10.20.4\\\\u002e12\\", \\"card\\": 4111111111111111}"}',
            },
        ],
    )
    assert not [part for part in ("0412", "yamada", "10.20.4", "u002e", "plain words", "4111") if part in upstream.sent]
    sent = upstream.bodies[0]
    assert sent["input"][1]["call_id"] == sent["input"][2]["call_id"]
    schema = sent["tools"][0]["parameters"]
    assert schema["type"] == "object"
    assert list(schema["properties"]) == schema["required"]


def test_tool_arguments_are_restored_as_valid_json(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.grant()

    async def call_tool(_request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        token = body["input"].rpartition("password=")[2]
        arguments = json.dumps({"secret": token, "again": json.dumps({"deep": token})})
        call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "use", "arguments": arguments}
        return web.json_response(response_object([{**call, "status": "completed"}]))

    upstream.script = call_tool
    secret = "a\\b/ü-10.0.0.1"
    answer = client.responses.create(model=MODEL, input=f"password={secret}")
    call = answer.output[0]
    assert isinstance(call, ResponseFunctionToolCall)
    arguments = json.loads(call.arguments)
    assert arguments["secret"] == secret
    assert json.loads(arguments["again"]) == {"deep": secret}


@pytest.mark.parametrize(("said", "entered"), [("req_9f3-1", "req_9f3-1"), ("山田 太郎", None), ("a b", None)])
def test_the_ledger_has_what_the_provider_calls_the_request_if_it_looks_like_a_name(
    client: OpenAI, bank: Bank, upstream: Upstream, said: str, entered: str | None
) -> None:
    bank.grant()

    async def named(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(response_object([message("x")]), headers={"x-request-id": said})

    upstream.script = named
    client.responses.create(model=MODEL, input="x")
    (entry,) = (entry for entry in bank.entries() if entry.action == "gateway.call")
    assert entry.detail["provider_request"] == entered


def test_the_provider_is_told_to_keep_nothing_and_not_who_asks(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.grant()
    client.with_options(default_headers={"X-Correlation-Id": "bank-internal"}).responses.create(
        model=MODEL, input="hello", store=True
    )
    body, headers = upstream.bodies[0], upstream.headers[0]
    assert body["store"] is False
    assert len(body["safety_identifier"]) <= 128
    assert "aozora" not in body["safety_identifier"]
    assert headers["Authorization"] == "Bearer upstream-key"
    ours = {"Host", "Authorization", "User-Agent", "Accept", "Accept-Encoding", "Content-Type", "Content-Length"}
    assert set(headers) <= {*ours, "idempotency-key"}


def test_reasoning_comes_back_only_if_it_passed_this_gateway(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.grant()
    reasoning: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAopaque"}

    async def reason(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(response_object([reasoning, message("done")]))

    upstream.script = reason
    first = client.responses.create(model=MODEL, input="think", include=["reasoning.encrypted_content"])
    kept = first.output[0].to_dict()
    client.responses.create(model=MODEL, input=[kept])  # type: ignore[list-item]
    assert upstream.bodies[1]["input"][0]["encrypted_content"] == "gAAAAopaque"
    with pytest.raises(APIStatusError) as refused:
        client.responses.create(model=MODEL, input=[{**reasoning, "encrypted_content": "c2VjcmV0"}])  # type: ignore[list-item]
    assert refused.value.param == "input[0].encrypted_content"
    assert len(upstream.bodies) == 2


def test_an_invented_token_stays_and_is_counted(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.grant()

    async def invent(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(response_object([message("See HOST_0AAAAAAAAAAA.")]))

    upstream.script = invent
    assert client.responses.create(model=MODEL, input="hi").output_text == "See HOST_0AAAAAAAAAAA."
    assert bank.entries()[-1].detail["invented"] == 1


def test_an_answer_to_one_institution_cannot_reveal_another_ones_token(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    """Even the institution's own token of an earlier call is not restored where it did not go out."""
    bank.grant()
    client.responses.create(model=MODEL, input="10.1.2.3")
    token = upstream.bodies[0]["input"]

    async def repeat(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(response_object([message(token)]))

    upstream.script = repeat
    assert client.responses.create(model=MODEL, input="and?").output_text == token


@pytest.mark.parametrize("key", ["", "sk-nonsense", "sk-saki-mfxxu33smvqq-" + "A" * 48])
def test_without_a_key_of_the_gateway_nothing_is_said(base_url: str, upstream: Upstream, key: str) -> None:
    with OpenAI(base_url=base_url, api_key=key or "x", max_retries=0) as stranger:
        with pytest.raises(AuthenticationError):
            stranger.responses.create(model=MODEL, input="hi")
        with pytest.raises(AuthenticationError):
            stranger.models.list()
    assert not upstream.bodies


def test_a_key_for_something_else_is_not_enough(base_url: str, bank: Bank) -> None:
    bank.grant()
    other = bank.issue("ledger.read")
    with OpenAI(base_url=base_url, api_key=other, max_retries=0) as client, pytest.raises(PermissionDeniedError):
        client.responses.create(model=MODEL, input="hi")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": GrantState.REVOKED}, "no_grant"),
        ({"state": GrantState.APPROVED}, "no_grant"),
        ({"models": ("other",)}, "model_not_granted"),
        ({"not_after": 1}, "no_grant"),
        ({"not_before": 2**62, "not_after": 2**62 + 1}, "no_grant"),
        ({"purposes": ("triage",)}, "purpose_not_granted"),
        ({"data_classes": ()}, "not_granted"),
    ],
)
def test_a_call_needs_a_grant_for_exactly_it(
    client: OpenAI, bank: Bank, upstream: Upstream, changes: dict[str, Any], code: str
) -> None:
    bank.grant(**changes)
    with pytest.raises(PermissionDeniedError) as refused:
        client.responses.create(model=MODEL, input="hi", extra_headers={"Sakimori-Purpose": "investigation"})
    assert refused.value.code == code
    assert not upstream.bodies
    assert [entry.detail["code"] for entry in bank.entries()] == [code]


def test_the_purpose_may_be_left_out_only_where_there_is_one(client: OpenAI, bank: Bank) -> None:
    bank.grant(purposes=("investigation", "triage"))
    with pytest.raises(APIStatusError, match="Sakimori-Purpose"):
        client.responses.create(model=MODEL, input="hi")
    client.responses.create(model=MODEL, input="hi", extra_headers={"Sakimori-Purpose": "triage"})
    assert bank.entries()[-1].detail["purpose"] == "triage"


def test_declared_free_text_waits_for_name_recognition(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.grant(data_classes=(DataClass.STRUCTURED, DataClass.FREE_TEXT))
    with pytest.raises(PermissionDeniedError, match="recognise names"):
        client.responses.create(model=MODEL, input="hi", extra_headers={"Sakimori-Data-Class": "free_text"})
    assert not upstream.bodies


def test_what_nobody_vouches_for_is_free_text(base_url: str, bank: Bank, upstream: Upstream) -> None:
    bank.grant(data_classes=(DataClass.STRUCTURED, DataClass.FREE_TEXT))
    unvouched = OpenAI(base_url=base_url, api_key=bank.issue("gateway"), max_retries=0)
    for headers in ({}, {"Sakimori-Data-Class": "structured"}):
        with pytest.raises(PermissionDeniedError, match="'structured'"):
            unvouched.responses.create(model=MODEL, input="hi", extra_headers=headers)
    assert not upstream.bodies


def test_models_are_those_that_are_granted(client: OpenAI, bank: Bank) -> None:
    bank.grant(models=("b", "a/b"))
    bank.grant(id="gr-old", models=("old",), not_after=1)
    assert [model.id for model in client.models.list()] == ["a/b", "b"]
    assert client.models.retrieve("b").owned_by == "scripted"
    with pytest.raises(APIStatusError):
        client.models.retrieve("old")


def test_a_call_is_booked_at_what_the_provider_reports(client: OpenAI, bank: Bank) -> None:
    grant = bank.grant()
    client.responses.create(model=MODEL, input="10.0.0.1 and 10.0.0.2", max_output_tokens=100)
    with bank.database.snapshot(bank.tenant) as snapshot:
        assert budgets.used(snapshot, grant.id, Window.DAY, now=SystemClock().now()).tokens == 150
    entry = bank.entries()[-1]
    assert entry.action == "gateway.call"
    assert entry.actor.startswith("key:")
    assert entry.detail["model_answered"] == f"{MODEL}-2026-08-01"
    assert entry.detail["provider"] == "scripted"
    assert entry.detail["grant"] == "gr-1"
    assert entry.detail["replaced"] == {"IP/ipv4": 2}
    assert (entry.detail["input_tokens"], entry.detail["output_tokens"]) == (120, 30)
    assert "10.0.0" not in str(entry)


def test_a_call_that_could_exceed_the_budget_is_not_made(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.grant(limits=(Limit(window=Window.DAY, tokens=3_000, yen=Decimal(1_000)),))
    with pytest.raises(RateLimitError) as refused:
        client.responses.create(model=MODEL, input="hi", max_output_tokens=5_000)
    assert refused.value.code == "budget_exceeded"
    assert 0 < int(refused.value.response.headers["retry-after"]) <= DAY // 10**9
    assert refused.value.response.headers["x-should-retry"] == "false"
    client.responses.create(model=MODEL, input="hi", max_output_tokens=500)
    assert len(upstream.bodies) == 1


def test_the_ledger_of_calls_and_refusals_verifies(client: OpenAI, bank: Bank) -> None:
    bank.grant()
    client.responses.create(model=MODEL, input="hi")
    with pytest.raises(APIStatusError):
        client.responses.create(model=MODEL, input="hi", background=True)
    with bank.database.transaction(bank.tenant) as transaction:
        bank.ledger.seal(transaction)
    with bank.database.snapshot(bank.tenant) as snapshot:
        assert bank.ledger.verify(snapshot).ok
    assert [entry.action for entry in bank.entries()] == ["gateway.sent", "gateway.call", "gateway.refused"]


def test_the_ledger_knows_of_a_call_before_it_leaves(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.grant()
    known: list[LedgerEntry] = []

    async def look(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        known.extend(bank.entries())
        return web.json_response(response_object([message("ok")]))

    upstream.script = look
    client.responses.create(model=MODEL, input="10.0.0.1", max_output_tokens=100)
    (sent,) = known
    assert sent.action == "gateway.sent"
    assert sent.subject == bank.entries()[-1].subject
    assert sent.detail["replaced"] == {"IP/ipv4": 1}
    assert sent.detail["tokens_held"] > 100
    assert "10.0.0" not in str(sent)


def test_a_demonstration_sees_every_call_that_leaves_as_it_was_and_as_it_left(
    bank: Bank, providers: Providers, upstream: Upstream
) -> None:
    bank.inventory()
    bank.grant()
    seen: list[tuple[str, Any, Any]] = []

    def see(path: str, stood: object, leaves: object) -> None:
        assert len(upstream.bodies) == len(seen), "seen before it leaves"
        seen.append((path, stood, leaves))

    with (
        running(bank.database, bank.secrets, bank.ledger, providers, on_egress=see) as url,
        OpenAI(base_url=url, api_key=bank.key, max_retries=0, timeout=30) as client,
    ):
        client.responses.create(model=MODEL, input=PROMPT)
        with pytest.raises(APIStatusError):
            client.responses.create(model=MODEL, input=PROMPT, background=True)
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": PROMPT}])
    assert [path for path, _, _ in seen] == ["responses", "chat/completions"]
    assert [leaves for _, _, leaves in seen] == upstream.bodies
    assert seen[0][1] == {"model": MODEL, "input": PROMPT}
    assert seen[1][1]["messages"][0]["content"] == PROMPT


def test_the_first_answer_proves_a_grant(client: OpenAI, bank: Bank) -> None:
    bank.grant(state=GrantState.PROVISIONED)
    client.responses.create(model=MODEL, input="hi", max_output_tokens=100)
    client.responses.create(model=MODEL, input="hi", max_output_tokens=100)
    with bank.database.snapshot(bank.tenant) as snapshot:
        grant = snapshot.get(Grant, "gr-1")
    assert grant is not None
    assert grant.state is GrantState.READY
    assert [entry.action for entry in bank.entries()].count("grant.ready") == 1


BLUE, RED, STANDARD = CyberAccess.DAYBREAK_BLUE, CyberAccess.DAYBREAK_RED, CyberAccess.STANDARD


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("granted", "answered", "noted"),
    [
        (BLUE, "daybreak_blue", []),
        (BLUE, None, [("gateway.cyber_fallback", "daybreak_blue", None)]),
        (RED, "standard", [("gateway.cyber_fallback", "daybreak_red", "standard")]),
        (BLUE, "daybreak_red", [("gateway.cyber_elevation", "daybreak_blue", "daybreak_red")]),
        (STANDARD, "standard", []),
        (STANDARD, None, []),  # standard, though not by name
        (STANDARD, "daybreak_blue", [("gateway.cyber_elevation", "standard", "daybreak_blue")]),
        (STANDARD, "daybreak_green", [("gateway.cyber_elevation", "standard", "unknown")]),
        (RED, "daybreak_green", [("gateway.cyber_elevation", "daybreak_red", "unknown")]),
    ],
)
def test_another_level_of_access_than_was_asked_for_is_noted(
    bank: Bank, upstream: Upstream, granted: CyberAccess, answered: str | None, noted: list[Any], stream: bool
) -> None:
    """Up as well as down: a model that may do more than the grant says is as much an event as one that does less."""
    bank.grant(cyber=granted)
    programs = {"cyber": answered} if answered else None

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if not body.get("stream"):
            return web.json_response(response_object([message("ok")], access_programs=programs))
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(responses_wire(response_events([message("ok")], access_programs=programs)))
        return response

    upstream.script = answer
    ask(bank, Providers((scripted(upstream.url, kind="openai", key=None),)), stream=stream)
    found = [entry for entry in bank.entries() if entry.action.startswith("gateway.cyber")]
    assert [(entry.action, entry.detail["asked"], entry.detail["answered"]) for entry in found] == noted
    call = next(entry.detail for entry in bank.entries() if entry.action == "gateway.call")
    assert (call["cyber"], call["cyber_answered"]) == (granted, answered if answered != "daybreak_green" else "unknown")
    assert upstream.bodies[0]["access_programs"] == {"cyber": granted.value}


def ask(bank: Bank, providers: Providers, *, stream: bool = False) -> None:
    with (
        running(bank.database, bank.secrets, bank.ledger, providers) as url,
        OpenAI(base_url=url, api_key=bank.key, max_retries=0) as client,
    ):
        if stream:
            list(client.responses.create(model=MODEL, input="hi", max_output_tokens=100, stream=True))
        else:
            client.responses.create(model=MODEL, input="hi", max_output_tokens=100)


@pytest.mark.parametrize(("kind", "named"), [("openai", True), ("azure", False), ("compatible", False)])
def test_the_standard_level_is_named_where_levels_are_known(
    bank: Bank, upstream: Upstream, kind: str, named: bool
) -> None:
    """OpenAI gives models of a tier what the account may use unless told otherwise; others may refuse the field."""
    bank.grant()
    upstream.script = answers
    ask(bank, Providers((scripted(upstream.url, kind=kind, key=None),)))
    assert upstream.bodies[0].get("access_programs") == ({"cyber": "standard"} if named else None)


async def answers(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    return web.json_response(response_object([message("ok")]))


def test_what_is_used_is_counted_with_the_call(client: OpenAI, bank: Bank) -> None:
    bank.grant()
    client.responses.create(model=MODEL, input="hi", max_output_tokens=100)
    with pytest.raises(APIStatusError):
        client.responses.create(model=MODEL, input="hi", background=True)
    today = datetime.now(UTC).date()
    with bank.database.snapshot(bank.tenant) as snapshot:
        rows = usage.between(snapshot, today - timedelta(days=1), today)
    counted = {(row.outcome, row.code): (row.calls, row.model, row.provider, row.input_tokens) for row in rows}
    assert counted == {
        (usage.Outcome.ANSWERED, ""): (1, MODEL, "scripted", 120),
        (usage.Outcome.REFUSED, "unsupported_parameter"): (1, MODEL, "", 0),
    }


def test_a_policy_that_denies_is_obeyed_whatever_the_key_was_issued_for(
    client: OpenAI, bank: Bank, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.grant()

    def deny(_self: Rights, _principal: Principal, right: Right, _resource: Resource) -> Authorisation:
        assert right is Right.CALL_MODELS
        return Authorisation(False, (PolicyText("house-rule", "forbid", "Not today.", "本日は不可。"),), ())

    monkeypatch.setattr(Rights, "decide", deny)
    with pytest.raises(PermissionDeniedError, match=r"Not today\. \(house-rule\)"):
        client.responses.create(model=MODEL, input="hi")
    assert not upstream.bodies
