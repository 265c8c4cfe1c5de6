"""The OpenAPI description, held against the gateway by schemathesis: what it describes, and what it does not."""

import json
from collections.abc import Generator
from typing import Any, cast

import httpx
import pytest
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis import checks as of_any
from schemathesis.core import NotSet
from schemathesis.specs.openapi import checks as of_openapi
from tests.gateway.conftest import Bank
from tests.scripted_provider import MODEL, Upstream, message, playing

from sakimori.gateway.endpoints import ENDPOINTS
from sakimori.records import CyberAccess
from sakimori.records.grant import Media

CHECKS = [
    cast("Any", of_any).not_a_server_error,
    cast("Any", of_openapi).status_code_conformance,
    cast("Any", of_openapi).content_type_conformance,
    cast("Any", of_openapi).response_headers_conformance,
    cast("Any", of_openapi).response_schema_conformance,
]
EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
POSTED = sorted(f"/{path}" for path in ENDPOINTS)


async def provide(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """Answers every endpoint, whole or as a stream."""
    if request.path.endswith("/embeddings"):
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return web.json_response({"object": "list", "model": MODEL, "data": [], "usage": usage})
    if request.path.endswith("/decisions"):
        return web.json_response({"id": "d", "model": MODEL, "decisions": [], "usage": {}})
    return await playing(lambda _: [message("x")])(request, body)


@pytest.fixture
def described(base_url: str, bank: Bank, upstream: Upstream) -> dict[str, Any]:
    """What the gateway says of itself."""
    widest: dict[str, Any] = {"hosted_tools": ("web_search", "code_interpreter", "mcp"), "media": tuple(Media)}
    bank.grant(id="gr-1", cyber=CyberAccess.STANDARD, **widest)  # under which chats go out in their own words
    bank.grant(id="gr-2", cyber=CyberAccess.DAYBREAK_RED, **widest)
    upstream.script = provide
    answer = httpx.get(f"{base_url}/openapi.json", headers={"authorization": f"Bearer {bank.key}"})
    assert answer.status_code == 200
    return answer.json()


@pytest.fixture
def session(bank: Bank) -> Generator[httpx.Client]:
    with httpx.Client(headers={"authorization": f"Bearer {bank.key}"}, timeout=30, trust_env=False) as made:
        yield made


def operation(described: dict[str, Any], path: str, method: str) -> Any:
    return cast("Any", schemathesis.openapi.from_dict(described))[path][method]


def post(session: httpx.Client, base_url: str, case: Any) -> tuple[httpx.Response, bytes]:
    """The body alone: headers have their own tests, and schemathesis's own is unknown here."""
    body: Any = b"" if isinstance(case.body, NotSet) else case.body
    members = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    if isinstance(members.get("model"), str):
        members["model"] = MODEL
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    return session.post(f"{base_url}{case.path}", content=raw, headers=headers), raw


def fits(raw: bytes, validator: Draft202012Validator) -> bool:
    try:
        return cast("Any", validator).is_valid(json.loads(raw))
    except ValueError:
        return False


def test_each_endpoint_is_described_and_nobody_reads_it_without_a_key(described: dict[str, Any], base_url: str) -> None:
    assert set(described["paths"]) == {"/models", "/models/{model}", *POSTED}
    assert httpx.get(f"{base_url}/openapi.json").status_code == 401


@pytest.mark.parametrize("path", POSTED)
def test_what_is_described_is_answered_as_described(
    described: dict[str, Any], base_url: str, session: httpx.Client, upstream: Upstream, path: str
) -> None:
    """Now and then by a refusal (a call that costs too much, a seal that is none), never by a failure."""
    heard: list[int] = []

    @given(case=operation(described, path, "POST").as_strategy(generation_mode=GenerationMode.POSITIVE))
    @EXAMPLES
    def ask(case: Any) -> None:
        answer, _ = post(session, base_url, case)
        case.validate_response(answer, checks=CHECKS)
        heard.append(answer.status_code)

    ask()
    assert heard.count(200) > len(heard) * 0.8
    assert len(upstream.bodies) == heard.count(200)


@pytest.mark.parametrize("path", POSTED)
def test_what_is_not_described_is_refused_and_does_not_leave(
    described: dict[str, Any], base_url: str, session: httpx.Client, upstream: Upstream, path: str
) -> None:
    schema = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator(schema)
    refused = 0

    @given(case=operation(described, path, "POST").as_strategy(generation_mode=GenerationMode.NEGATIVE))
    @EXAMPLES
    def ask(case: Any) -> None:
        nonlocal refused
        sent = len(upstream.bodies)
        answer, raw = post(session, base_url, case)
        case.validate_response(answer, checks=CHECKS)
        if not fits(raw, validator):
            refused += 1
            assert answer.status_code == 400, (raw, answer.content)
            assert len(upstream.bodies) == sent

    ask()
    assert refused >= 5


@pytest.mark.parametrize("path", ["/models", "/models/{model}"])
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_models_are_told_as_described(
    described: dict[str, Any], base_url: str, session: httpx.Client, path: str, mode: GenerationMode
) -> None:
    @given(case=operation(described, path, "GET").as_strategy(generation_mode=mode))
    @EXAMPLES
    def ask(case: Any) -> None:
        url = cast("str", case.as_transport_kwargs(base_url=base_url)["url"])
        case.validate_response(session.get(url), checks=CHECKS)

    ask()
