"""``/v1/responses``: fields as ``openai.types.responses.ResponseCreateParams`` of the SDK 3.54 has them."""

from typing import cast

from sakimori.gateway.endpoints.endpoint import (
    COMPACTS,
    KEEPS_STATE,
    NO_LOGPROBS,
    NO_MEDIA,
    NOT_GRANTED,
    OTHER_PRICE,
    REACHES_OUT,
    Decided,
    Endpoint,
)
from sakimori.gateway.endpoints.hosted import hold_response, response_usage
from sakimori.gateway.endpoints.offered import offered
from sakimori.gateway.endpoints.responses_items import EFFORT, FORMAT, ITEM
from sakimori.gateway.endpoints.responses_stream import CYBER_LEVELS, ResponsesStream, cyber_of
from sakimori.gateway.endpoints.responses_tools import TOOL, TOOL_CHOICE
from sakimori.gateway.endpoints.stream import restored
from sakimori.gateway.refusal import Refusal
from sakimori.gateway.shapes import (
    Dropped,
    Each,
    Either,
    Fields,
    Flag,
    Model,
    Names,
    Number,
    OneOf,
    Pseudonym,
    Text,
)
from sakimori.gateway.translate.responses import responses_by_chat

_TEXT = Text()
_SUMMARY = OneOf("auto", "concise", "detailed")
_INCLUDED = OneOf(
    "reasoning.encrypted_content",
    refused={
        "file_search_call.results": REACHES_OUT,
        "web_search_call.results": REACHES_OUT,
        "web_search_call.action.sources": REACHES_OUT,
        "message.input_image.image_url": NO_MEDIA,
        "computer_call_output.output.image_url": REACHES_OUT,
        "code_interpreter_call.outputs": REACHES_OUT,
        "message.output_text.logprobs": NO_LOGPROBS,
    },
)
_SHAPE = Fields(
    {
        "model": Model(),
        "access_programs": Fields({"cyber": OneOf(*CYBER_LEVELS)}),
        "client_metadata": Dropped(),
        "input": Either(_TEXT, Each(ITEM)),
        "instructions": _TEXT,
        "include": Each(_INCLUDED),
        "max_output_tokens": Number(1, 10_000_000, whole=True),
        "max_tool_calls": Number(1, 1_000, whole=True),
        "metadata": Names(most=16),
        "parallel_tool_calls": Flag(),
        "prompt_cache_key": Pseudonym(),
        "reasoning": Fields(
            {
                "effort": EFFORT,
                "summary": _SUMMARY,
                "generate_summary": _SUMMARY,
                "context": OneOf("auto", "current_turn", "all_turns"),
                "mode": OneOf("standard", refused={"pro": OTHER_PRICE}),
            }
        ),
        "safety_identifier": Pseudonym(),
        "service_tier": OneOf(
            "auto",
            "default",
            refused=dict.fromkeys(("flex", "scale", "priority", "fast", "ultrafast"), OTHER_PRICE),
        ),
        "store": Flag(),
        "stream": Flag(),
        "stream_options": Fields({"include_obfuscation": Flag()}),
        "background": Flag({True: KEEPS_STATE}),
        "temperature": Number(0, 2),
        "text": Fields({"format": FORMAT, "verbosity": OneOf("low", "medium", "high")}),
        "tool_choice": TOOL_CHOICE,
        "tools": Each(TOOL),
        "top_p": Number(0, 1),
        "truncation": OneOf("auto", "disabled"),
        "user": Pseudonym(),
    },
    required=frozenset({"model", "input"}),
    refused={
        "background_options": KEEPS_STATE,
        "context_management": COMPACTS,
        "conversation": KEEPS_STATE,
        "image": NO_MEDIA,
        "moderation": NOT_GRANTED,
        "previous_response_id": KEEPS_STATE,
        "prompt": KEEPS_STATE,
        "prompt_cache_options": KEEPS_STATE,
        "prompt_cache_retention": KEEPS_STATE,
        "top_logprobs": NO_LOGPROBS,
    },
)


def _decide(sent: dict[str, object], decided: Decided) -> None:
    """Raises Refusal where the client asks for more cyber access than it is granted."""
    sent["store"] = False
    sent["safety_identifier"] = sent.get("safety_identifier") or decided.principal
    sent.pop("user", None)
    sent.pop("stream_options", None)
    asked = cast("dict[str, str]", sent.get("access_programs") or {}).get("cyber")
    granted = decided.cyber or CYBER_LEVELS[0]
    if asked is not None and CYBER_LEVELS.index(asked) > CYBER_LEVELS.index(granted):
        message = f"No grant of your institution allows this call the cyber access level '{asked}'."
        raise Refusal(403, "not_granted", message, param="access_programs.cyber")
    # The standard level is named, too: without a name, some models answer with whatever the account may use.
    sent["access_programs"] = {"cyber": asked or granted}
    if (tools := offered(sent)).calls:
        sent["max_tool_calls"] = tools.calls


RESPONSES = Endpoint(
    path="responses",
    shape=_SHAPE,
    output_limits=("max_output_tokens",),
    answers=None,
    object="response",
    usage=response_usage,
    decide=_decide,
    receive=restored,
    stream=ResponsesStream,
    hold=hold_response,
    cyber=cyber_of,
    names_cyber=True,
    offered=offered,
    translate={"chat/completions": responses_by_chat},
)
