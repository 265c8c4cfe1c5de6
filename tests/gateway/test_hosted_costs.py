"""Tools that run at the provider cost money by the call, and make the model read again: both are held before."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from openai import APIStatusError, AsyncOpenAI, OpenAI, PermissionDeniedError
from tests.gateway.conftest import Bank, scripted
from tests.gateway.endpoints.streams import stream_of, through
from tests.gateway.test_streaming import sent
from tests.openai_wire import response_events, responses_wire
from tests.scripted_provider import MODEL, Upstream, message, response_object

from sakimori.core import SystemClock
from sakimori.gateway import Price, PriceList, Providers, running
from sakimori.gateway.endpoints import RESPONSES, Usage
from sakimori.records import Limit, Window
from sakimori.records.grant import Media
from sakimori.store import budgets

PRICE = Price(input=Decimal(1_000), output=Decimal(1_000), max_output_tokens=1_000, max_input_tokens=50_000)
TOOLS = {
    "web_search": Decimal(5),
    "web_search_preview": Decimal(9),
    "code_interpreter_1g": Decimal(20),
    "code_interpreter_4g": Decimal(80),
    "mcp": Decimal(0),
}
PRICES = PriceList(default=PRICE, models={}, hosted_tools=TOOLS)
SEARCH: Any = {"type": "web_search"}
CONTAINER: Any = {"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "4g"}}
SERVER: Any = {"type": "mcp", "server_label": "mail", "server_url": "https://mail.example"}
GRANTED = ("web_search", "code_interpreter", "mcp")


def searched(number: int, action: str = "search") -> dict[str, Any]:
    return {"id": f"ws_{number}", "type": "web_search_call", "status": "completed", "action": {"type": action}}


def ran(container: str | None, number: int = 0) -> dict[str, Any]:
    return {"id": f"ci_{number}", "type": "code_interpreter_call", "code": "1", "container_id": container}


def used(tokens: int, **changes: Any) -> dict[str, Any]:
    return {"usage": {"input_tokens": tokens, "output_tokens": 10, "total_tokens": tokens + 10}, **changes}


def answering(*items: dict[str, Any], **changes: Any) -> Any:
    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if not body.get("stream"):
            return web.json_response(response_object([*items, message("found")], **changes))
        return await sent(responses_wire(response_events([*items, message("found")], **changes)))(request, body)

    return answer


@pytest.fixture
def client(bank: Bank, upstream: Upstream) -> Iterator[OpenAI]:
    with serving(bank, upstream, PRICES) as url, OpenAI(base_url=url, api_key=bank.key, max_retries=0) as made:
        yield made


def serving(bank: Bank, upstream: Upstream, prices: PriceList) -> Any:
    provider = scripted(upstream.url, kind="openai", key=None, prices=prices)
    return running(bank.database, bank.secrets, bank.ledger, Providers((provider,)))


def detail(bank: Bank, action: str) -> dict[str, Any]:
    return [entry.detail for entry in bank.entries() if entry.action == action][-1]


def ask(client: OpenAI, *tools: Any, stream: bool = False, **options: Any) -> None:
    options = {"max_output_tokens": 100, **options}
    if stream:
        list(client.responses.create(model=MODEL, input="hi", tools=tools, stream=True, **options))
    else:
        client.responses.create(model=MODEL, input="hi", tools=tools, **options)


@pytest.mark.parametrize(
    ("tools", "options", "calls", "readings", "yen"),
    [
        ([SEARCH], {}, 3, 3, 15),
        ([SEARCH], {"max_tool_calls": 7}, 7, 7, 35),
        ([{"type": "web_search_preview"}, SEARCH], {"max_tool_calls": 2}, 2, 2, 18),
        ([CONTAINER], {"max_tool_calls": 2}, 2, 2, 160),
        ([SERVER], {"max_tool_calls": 2}, 2, 3, 0),  # what the server says that it can do is read, too
        ([SEARCH, CONTAINER, SERVER], {"max_tool_calls": 1}, 1, 2, 80),
    ],
)
def test_the_dearest_that_an_answer_can_become_is_held(
    client: OpenAI,
    bank: Bank,
    upstream: Upstream,
    tools: list[Any],
    options: dict[str, Any],
    calls: int,
    readings: int,
    yen: int,
) -> None:
    """And the provider is told how many calls that is: it leaves out what the model would call beyond them."""
    bank.grant(hosted_tools=GRANTED)
    upstream.script = answering()
    ask(client, *tools, **options)
    assert upstream.bodies[0]["max_tool_calls"] == calls
    held = detail(bank, "gateway.sent")
    text = held["tokens_held"] - readings * 50_000 - 100
    assert 1_000 < text < 2_500  # the request itself
    assert Decimal(held["yen_held"]) == Decimal(held["tokens_held"]) / 1_000 + yen


def test_without_a_limit_of_its_words_each_turn_may_say_the_most_that_the_model_can(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.grant(hosted_tools=GRANTED)
    upstream.script = answering()
    client.responses.create(model=MODEL, input="hi", tools=[SEARCH], max_tool_calls=4)
    assert 4 * 50_000 + 5 * 1_000 < detail(bank, "gateway.sent")["tokens_held"] < 4 * 50_000 + 5 * 1_000 + 2_500


def test_tools_that_the_client_runs_cost_nothing_and_are_not_counted(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.grant()
    upstream.script = answering()
    ask(client, {"type": "function", "name": "look", "parameters": {}}, {"type": "tool_search", "execution": "client"})
    assert "max_tool_calls" not in upstream.bodies[0]
    assert detail(bank, "gateway.sent")["tokens_held"] < 2_500


def test_tools_that_an_item_of_the_input_adds_are_held_like_any(client: OpenAI, bank: Bank, upstream: Upstream) -> None:
    bank.grant(hosted_tools=GRANTED)
    upstream.script = answering(searched(1), **used(500))
    added: Any = [
        {"type": "additional_tools", "role": "developer", "tools": [SEARCH]},
        {"role": "user", "content": "x"},
    ]
    client.responses.create(model=MODEL, input=added, max_output_tokens=100)
    assert upstream.bodies[0]["max_tool_calls"] == 3
    assert Decimal(detail(bank, "gateway.call")["yen"]) == Decimal("0.51") + 5


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("tools", "items", "changes", "counted", "yen"),
    [
        ([SEARCH], [searched(1), searched(2)], {}, {"web_search": 2}, 10),
        ([SEARCH], [searched(1), searched(2, "open_page"), searched(3, "find_in_page")], {}, {"web_search": 1}, 5),
        ([SEARCH], [searched(1)], {"tool_usage": {"web_search": {"num_requests": 3}}}, {"web_search": 3}, 15),
        ([SEARCH], [], {}, {}, 0),
        ([CONTAINER], [ran("c1"), ran("c1", 1), ran("c2", 2)], {}, {"code_interpreter": 2}, 160),
        ([CONTAINER], [ran(None), ran(None, 1)], {}, {"code_interpreter": 2}, 160),
        ([CONTAINER], [], {}, {}, 80),  # a container that was offered is opened, used or not
        ([SERVER], [{"id": "m", "type": "mcp_call", "name": "n", "arguments": "{}"}], {}, {"mcp": 1}, 0),
    ],
)
def test_what_the_answer_reports_is_booked(
    client: OpenAI,
    bank: Bank,
    upstream: Upstream,
    tools: list[Any],
    items: list[Any],
    changes: dict[str, Any],
    counted: dict[str, int],
    yen: int,
    stream: bool,
) -> None:
    bank.grant(hosted_tools=GRANTED)
    upstream.script = answering(*items, **used(990, **changes))
    ask(client, *tools, stream=stream)
    call = detail(bank, "gateway.call")
    assert (call["tool_calls"], Decimal(call["yen"]), call["overrun"]) == (counted, 1 + yen, False)


def test_an_answer_that_breaks_off_is_booked_with_all_the_calls_it_might_have_made(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.grant(hosted_tools=GRANTED)
    events = response_events([searched(1), message("found")])
    upstream.script = sent(responses_wire(events[:5]))
    with pytest.raises(Exception, match="before it was whole"):
        ask(client, SEARCH, stream=True, max_tool_calls=2)
    assert detail(bank, "gateway.call")["yen"] == detail(bank, "gateway.sent")["yen_held"]


def test_a_stream_whose_last_event_repeats_nothing_is_counted_by_what_it_showed() -> None:
    events = response_events([searched(1), message("found")])
    events[-1]["response"]["output"] = []
    stream = stream_of(RESPONSES, None, "web_search")
    through(stream, responses_wire(events))
    assert stream.usage == Usage(120, 30, {"web_search": 1})


@pytest.mark.parametrize(
    ("prices", "tool", "missing"),
    [
        (PriceList(PRICE, {}, {"mcp": Decimal(0)}), SEARCH, "'web_search'"),
        (PriceList(PRICE, {}, {"code_interpreter_1g": Decimal(1)}), CONTAINER, "'code_interpreter_4g'"),
        (PriceList(Price(Decimal(1), Decimal(1), 100), {}, TOOLS), SEARCH, "max_input_tokens"),
    ],
)
def test_what_has_no_price_is_refused_by_its_name(
    bank: Bank, upstream: Upstream, prices: PriceList, tool: Any, missing: str
) -> None:
    bank.grant(hosted_tools=GRANTED)
    with (
        serving(bank, upstream, prices) as url,
        OpenAI(base_url=url, api_key=bank.key, max_retries=0) as client,
        pytest.raises(PermissionDeniedError, match=missing) as refused,
    ):
        ask(client, tool)
    assert (refused.value.code, refused.value.param) == ("price_unknown", "tools")
    assert not upstream.bodies


def test_media_are_held_at_all_that_the_model_can_read_since_their_bytes_say_nothing(
    bank: Bank, upstream: Upstream
) -> None:
    bank.grant(media=tuple(Media))
    upstream.script = answering()
    image: Any = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"}
    asked: Any = [{"role": "user", "content": [image]}]
    with (
        serving(bank, upstream, PRICES) as url,
        OpenAI(base_url=url, api_key=bank.key, max_retries=0) as client,
    ):
        client.responses.create(model=MODEL, input=asked, max_output_tokens=100)
    assert 50_000 < detail(bank, "gateway.sent")["tokens_held"] < 53_000
    unbounded = PriceList(Price(Decimal(1), Decimal(1), 100), {}, {})
    with (
        serving(bank, upstream, unbounded) as url,
        OpenAI(base_url=url, api_key=bank.key, max_retries=0) as client,
        pytest.raises(APIStatusError, match="max_input_tokens"),
    ):
        client.responses.create(model=MODEL, input=asked, max_output_tokens=100)


def test_a_search_that_was_granted_but_not_offered_is_withheld_since_nothing_was_held_for_it(
    client: OpenAI, bank: Bank, upstream: Upstream
) -> None:
    bank.grant(hosted_tools=GRANTED)
    upstream.script = answering(searched(1), **used(990))
    with pytest.raises(APIStatusError) as refused:
        ask(client)
    assert refused.value.code == "hosted_tool_not_granted"
    assert Decimal(detail(bank, "gateway.call")["yen"]) == 1 + 5  # what was spent is booked all the same


def test_clients_that_search_at_once_never_spend_more_than_the_budget(bank: Bank, upstream: Upstream) -> None:
    """Each answer uses all that it may: whatever is let through, the budget has room for it."""
    budget = Decimal(500)
    grant = bank.grant(hosted_tools=GRANTED, limits=(Limit(window=Window.DAY, yen=budget),))

    async def all_of_it(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(0.02)
        calls: int = body["max_tool_calls"]
        items = [searched(number) for number in range(calls)]
        reads = 1_000 + calls * 50_000
        usage = {"input_tokens": reads, "output_tokens": 100, "total_tokens": reads + 100}
        return web.json_response(response_object([*items, message("found")], usage=usage))

    upstream.script = all_of_it

    async def all_clients(url: str) -> list[object]:
        async with AsyncOpenAI(base_url=url, api_key=bank.key, max_retries=0) as client:
            calls = [
                client.responses.create(
                    model=MODEL, input="hi", tools=[SEARCH], max_tool_calls=1 + number % 3, max_output_tokens=100
                )
                for number in range(24)
            ]
            return list(await asyncio.gather(*calls, return_exceptions=True))

    with serving(bank, upstream, PRICES) as url:
        heard = asyncio.run(all_clients(url))
    refused = [error for error in heard if isinstance(error, APIStatusError)]
    assert {error.code for error in refused} == {"budget_exceeded"}
    assert 0 < len(refused) < len(heard)
    with bank.database.snapshot(bank.tenant) as snapshot:
        booked = budgets.used(snapshot, grant.id, Window.DAY, now=SystemClock().now())
    assert 0 < booked.yen <= budget
    assert not [e for e in bank.entries() if e.action == "gateway.call" and e.detail["overrun"]]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "output",
                        "type",
                        "action",
                        "container_id",
                        "tool_usage",
                        "web_search",
                        "num_requests",
                        "usage",
                        "input_tokens",
                        "output_tokens",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_whatever_an_answer_says_of_its_tools_can_be_counted(answer: Any) -> None:
    if isinstance(answer, dict):
        used_by_it = RESPONSES.usage({"usage": {"input_tokens": 1, "output_tokens": 1}, **answer})
        assert used_by_it is None or all(count > 0 for count in used_by_it.calls.values())
