"""``/v1/chat/completions``: fields as ``openai.types.chat.CompletionCreateParams`` of the SDK 3.54 has them."""

from sakimori.gateway.endpoints.endpoint import (
    KEEPS_STATE,
    NO_LOGPROBS,
    NO_MEDIA,
    NO_STREAM,
    NOT_GRANTED,
    OTHER_PRICE,
    REACHES_OUT,
    Endpoint,
)
from sakimori.gateway.jsonschema import JsonSchema
from sakimori.gateway.shapes import ByType, Each, Either, Fields, Flag, Model, Names, Number, OneOf, Pseudonym, Text

_TEXT = Text()
_DEPRECATED = "it is deprecated; use 'tools'"
_PARTS = Either(
    _TEXT,
    Each(
        ByType(
            {
                "text": Fields(
                    {"type": OneOf("text"), "text": _TEXT},
                    frozenset({"text"}),
                    {"prompt_cache_breakpoint": KEEPS_STATE},
                ),
                "refusal": Fields({"type": OneOf("refusal"), "refusal": _TEXT}, frozenset({"refusal"})),
            },
            refused={"image_url": NO_MEDIA, "input_audio": NO_MEDIA, "file": NO_MEDIA},
        )
    ),
)
_CALLED = Fields({"name": _TEXT, "arguments": _TEXT}, frozenset({"name", "arguments"}))
_TOOL_CALL = ByType(
    {
        "function": Fields(
            {"type": OneOf("function"), "id": _TEXT, "function": _CALLED}, frozenset({"id", "function"})
        ),
        "custom": Fields(
            {"type": OneOf("custom"), "id": _TEXT, "custom": Fields({"name": _TEXT, "input": _TEXT})},
            frozenset({"id", "custom"}),
        ),
    }
)


def _message(role: str) -> Fields:
    known = {"role": OneOf(role), "content": _PARTS, "name": _TEXT}
    return Fields(known, frozenset({"content"}))


_MESSAGE = ByType(
    {
        "developer": _message("developer"),
        "system": _message("system"),
        "user": _message("user"),
        "assistant": Fields(
            {
                "role": OneOf("assistant"),
                "content": _PARTS,
                "name": _TEXT,
                "refusal": _TEXT,
                "tool_calls": Each(_TOOL_CALL),
                "annotations": Each(Names(), most=0),
            },
            refused={"audio": NO_MEDIA, "function_call": _DEPRECATED},
        ),
        "tool": Fields(
            {"role": OneOf("tool"), "content": _PARTS, "tool_call_id": _TEXT},
            frozenset({"content", "tool_call_id"}),
        ),
    },
    refused={"function": _DEPRECATED},
    key="role",
)
_TOOL = ByType(
    {
        "function": Fields(
            {
                "type": OneOf("function"),
                "function": Fields(
                    {"name": _TEXT, "description": _TEXT, "parameters": JsonSchema(), "strict": Flag()},
                    frozenset({"name"}),
                ),
            },
            frozenset({"function"}),
        ),
        "custom": Fields(
            {
                "type": OneOf("custom"),
                "custom": Fields(
                    {
                        "name": _TEXT,
                        "description": _TEXT,
                        "format": ByType(
                            {
                                "text": Fields({"type": OneOf("text")}),
                                "grammar": Fields(
                                    {
                                        "type": OneOf("grammar"),
                                        "grammar": Fields({"definition": _TEXT, "syntax": OneOf("lark", "regex")}),
                                    }
                                ),
                            }
                        ),
                    },
                    frozenset({"name"}),
                ),
            },
            frozenset({"custom"}),
        ),
    }
)
_NAMED = Fields({"name": _TEXT}, frozenset({"name"}))
_NAMED_TOOL = {
    "function": Fields({"type": OneOf("function"), "function": _NAMED}, frozenset({"function"})),
    "custom": Fields({"type": OneOf("custom"), "custom": _NAMED}, frozenset({"custom"})),
}
_TOOL_CHOICE = Either(
    OneOf("none", "auto", "required"),
    ByType(
        {
            **_NAMED_TOOL,
            "allowed_tools": Fields(
                {
                    "type": OneOf("allowed_tools"),
                    "allowed_tools": Fields({"mode": OneOf("auto", "required"), "tools": Each(ByType(_NAMED_TOOL))}),
                }
            ),
        }
    ),
)
_RESPONSE_FORMAT = ByType(
    {
        "text": Fields({"type": OneOf("text")}),
        "json_object": Fields({"type": OneOf("json_object")}),
        "json_schema": Fields(
            {
                "type": OneOf("json_schema"),
                "json_schema": Fields(
                    {"name": _TEXT, "description": _TEXT, "schema": JsonSchema(), "strict": Flag()},
                    frozenset({"name"}),
                ),
            },
            frozenset({"json_schema"}),
        ),
    }
)
_SHAPE = Fields(
    {
        "model": Model(),
        "messages": Each(_MESSAGE),
        "frequency_penalty": Number(-2, 2),
        "logprobs": Flag({True: NO_LOGPROBS}),
        "max_completion_tokens": Number(1, 10_000_000, whole=True),
        "max_tokens": Number(1, 10_000_000, whole=True),
        "metadata": Names(),
        "modalities": Each(OneOf("text", refused={"audio": NO_MEDIA})),
        "n": Number(1, 16, whole=True),
        "parallel_tool_calls": Flag(),
        "prediction": Fields({"type": OneOf("content"), "content": _PARTS}),
        "presence_penalty": Number(-2, 2),
        "prompt_cache_key": Pseudonym(),
        "reasoning_effort": OneOf("none", "minimal", "low", "medium", "high", "xhigh", "max"),
        "response_format": _RESPONSE_FORMAT,
        "safety_identifier": Pseudonym(),
        "seed": Number(-(2**31), 2**31, whole=True),
        "service_tier": OneOf(
            "auto", "default", refused=dict.fromkeys(("flex", "scale", "priority", "fast"), OTHER_PRICE)
        ),
        "stop": Either(_TEXT, Each(_TEXT, most=16)),
        "store": Flag(),
        "stream": Flag({True: NO_STREAM}),
        "temperature": Number(0, 2),
        "tool_choice": _TOOL_CHOICE,
        "tools": Each(_TOOL),
        "top_p": Number(0, 1),
        "user": Pseudonym(),
        "verbosity": OneOf("low", "medium", "high"),
    },
    required=frozenset({"model", "messages"}),
    refused={
        "audio": NO_MEDIA,
        "function_call": _DEPRECATED,
        "functions": _DEPRECATED,
        "logit_bias": "its keys are numbers of a vocabulary, in which text could be spelled past the boundary",
        "moderation": NOT_GRANTED,
        "prompt_cache_options": KEEPS_STATE,
        "prompt_cache_retention": KEEPS_STATE,
        "stream_options": NO_STREAM,
        "top_logprobs": NO_LOGPROBS,
        "web_search_options": REACHES_OUT,
    },
)

CHAT_COMPLETIONS = Endpoint(
    path="chat/completions",
    shape=_SHAPE,
    output_limits=("max_completion_tokens", "max_tokens"),
    answers="n",
    object="chat.completion",
    usage_fields=("prompt_tokens", "completion_tokens"),
    seal=lambda answer, seal: None,
)
