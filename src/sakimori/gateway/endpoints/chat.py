"""``/v1/chat/completions``: fields as ``openai.types.chat.CompletionCreateParams`` of the SDK 3.54 has them."""

from sakimori.gateway.endpoints.chat_stream import ChatStream
from sakimori.gateway.endpoints.endpoint import (
    KEEPS_STATE,
    NO_LOGPROBS,
    NO_MEDIA,
    NOT_GRANTED,
    OTHER_PRICE,
    REACHES_OUT,
    Decided,
    Endpoint,
)
from sakimori.gateway.endpoints.hosted import hold_chat
from sakimori.gateway.endpoints.responses_stream import CYBER_LEVELS
from sakimori.gateway.endpoints.stream import restored
from sakimori.gateway.endpoints.usage import Usage
from sakimori.gateway.jsonschema import JsonSchema
from sakimori.gateway.shapes import (
    ByType,
    Each,
    Either,
    Encoded,
    Fields,
    Flag,
    Granted,
    Model,
    Names,
    Number,
    OneOf,
    Pseudonym,
    Refused,
    Text,
)
from sakimori.gateway.translate.chat import chat_by_responses

_TEXT = Text()
_DEPRECATED = "it is deprecated; use 'tools'"
_IMAGE = Fields(
    {
        "type": OneOf("image_url"),
        "image_url": Fields(
            {"url": Encoded("image/(?:png|jpeg|webp|gif)"), "detail": OneOf("auto", "low", "high")}, frozenset({"url"})
        ),
    },
    frozenset({"image_url"}),
)
_AUDIO = Fields(
    {
        "type": OneOf("input_audio"),
        "input_audio": Fields({"data": Encoded(""), "format": OneOf("wav", "mp3")}, frozenset({"data", "format"})),
    },
    frozenset({"input_audio"}),
)
_FILE = Fields(
    {
        "type": OneOf("file"),
        "file": Fields(
            {"filename": _TEXT, "file_data": Encoded("[a-z]+/[A-Za-z0-9.+-]+")},
            frozenset({"file_data"}),
            {"file_id": KEEPS_STATE},
        ),
    },
    frozenset({"file"}),
)
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
                "image_url": Granted("image", _IMAGE, NO_MEDIA, of="media"),
                "input_audio": Granted("audio", _AUDIO, NO_MEDIA, of="media"),
                "file": Granted("file", _FILE, NO_MEDIA, of="media"),
            }
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
                "annotations": Each(Granted("web_search", Names(), REACHES_OUT)),
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
                    "allowed_tools": Fields(
                        {"mode": OneOf("auto", "required"), "tools": Each(ByType(_NAMED_TOOL))},
                        frozenset({"mode", "tools"}),
                    ),
                },
                frozenset({"allowed_tools"}),
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
        "metadata": Names(most=16),
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
        "stream": Flag(),
        "stream_options": Fields({"include_usage": Flag(), "include_obfuscation": Flag()}),
        "temperature": Number(0, 2),
        "tool_choice": _TOOL_CHOICE,
        "tools": Each(_TOOL),
        "top_p": Number(0, 1),
        "user": Pseudonym(),
        "verbosity": OneOf("low", "medium", "high"),
        "web_search_options": Refused("how often it searches can be neither bounded nor counted; ask /v1/responses"),
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
        "top_logprobs": NO_LOGPROBS,
    },
)


def _decide(sent: dict[str, object], decided: Decided) -> None:
    """A stream is told its usage whether the client wants to hear it or not: it is what the call is settled by.

    The level of cyber access is put down though this endpoint has no word for it: it is told where the request goes out
    in the words of another, as it must for a level above the standard one.
    """
    sent["store"] = False
    sent["safety_identifier"] = sent.get("safety_identifier") or decided.principal
    sent.pop("user", None)
    sent.pop("stream_options", None)
    if sent.get("stream"):
        sent["stream_options"] = {"include_usage": True}
    sent["access_programs"] = {"cyber": decided.cyber or CYBER_LEVELS[0]}


CHAT_COMPLETIONS = Endpoint(
    path="chat/completions",
    shape=_SHAPE,
    output_limits=("max_completion_tokens", "max_tokens"),
    answers="n",
    object="chat.completion",
    usage=lambda answer: Usage.read(answer.get("usage"), "prompt_tokens", "completion_tokens"),
    decide=_decide,
    receive=restored,
    stream=ChatStream,
    hold=hold_chat,
    translate={"responses": chat_by_responses},
)
