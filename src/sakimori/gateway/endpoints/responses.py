"""``/v1/responses``: fields as ``openai.types.responses.ResponseCreateParams`` of the SDK 3.54 has them."""

from collections.abc import Callable
from typing import Any, cast

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
from sakimori.gateway.shapes import (
    ByType,
    Each,
    Either,
    Fields,
    Flag,
    Model,
    Names,
    Number,
    OneOf,
    Pseudonym,
    Sealed,
    Text,
)

_TEXT = Text()
_STATUS = OneOf("in_progress", "completed", "incomplete")
_PHASE = OneOf("commentary", "final_answer")
_EFFORT = OneOf("none", "minimal", "low", "medium", "high", "xhigh", "max")
_SUMMARY = OneOf("auto", "concise", "detailed")

_MEDIA = {"input_image": NO_MEDIA, "input_file": NO_MEDIA, "input_audio": NO_MEDIA, "image": NO_MEDIA}
_CACHE_BREAKPOINT = {"prompt_cache_breakpoint": KEEPS_STATE}
_CONTENT = Either(
    _TEXT,
    Each(
        ByType(
            {
                "input_text": Fields(
                    {"type": OneOf("input_text"), "text": _TEXT}, frozenset({"text"}), _CACHE_BREAKPOINT
                ),
                "output_text": Fields(
                    {"type": OneOf("output_text"), "text": _TEXT, "annotations": Each(Names(), most=0)},
                    frozenset({"text"}),
                    {"logprobs": NO_LOGPROBS},
                ),
                "refusal": Fields({"type": OneOf("refusal"), "refusal": _TEXT}, frozenset({"refusal"})),
            },
            refused=_MEDIA,
        )
    ),
)
_CALLER = Fields({"type": OneOf("direct", refused={"program": REACHES_OUT})})
_CALL_FIELDS = {
    "id": _TEXT,
    "call_id": _TEXT,
    "name": _TEXT,
    "namespace": _TEXT,
    "status": _STATUS,
    "caller": _CALLER,
}
_REASONING_TEXT = Each(Fields({"type": OneOf("summary_text", "reasoning_text"), "text": _TEXT}, frozenset({"text"})))
_HOSTED_ITEMS: dict[str, str] = dict.fromkeys(
    (
        "file_search_call",
        "computer_call",
        "computer_call_output",
        "web_search_call",
        "tool_search_call",
        "tool_search_output",
        "image_generation_call",
        "code_interpreter_call",
        "local_shell_call",
        "local_shell_call_output",
        "shell_call",
        "shell_call_output",
        "apply_patch_call",
        "apply_patch_call_output",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "program",
        "program_output",
        "additional_tools",
        "configuration_update",
    ),
    REACHES_OUT,
) | {"item_reference": KEEPS_STATE, "compaction": KEEPS_STATE, "compaction_trigger": KEEPS_STATE}

_ITEM = ByType(
    {
        "message": Fields(
            {
                "type": OneOf("message"),
                "id": _TEXT,
                "role": OneOf("user", "assistant", "system", "developer"),
                "content": _CONTENT,
                "status": _STATUS,
                "phase": _PHASE,
            },
            frozenset({"role", "content"}),
        ),
        "function_call": Fields(
            {"type": OneOf("function_call"), "arguments": _TEXT, **_CALL_FIELDS},
            frozenset({"arguments", "call_id", "name"}),
        ),
        "function_call_output": Fields(
            {"type": OneOf("function_call_output"), "output": _CONTENT, **_CALL_FIELDS}, frozenset({"output"})
        ),
        "custom_tool_call": Fields(
            {"type": OneOf("custom_tool_call"), "input": _TEXT, **_CALL_FIELDS},
            frozenset({"input", "call_id", "name"}),
        ),
        "custom_tool_call_output": Fields(
            {"type": OneOf("custom_tool_call_output"), "output": _CONTENT, **_CALL_FIELDS}, frozenset({"output"})
        ),
        "reasoning": Fields(
            {
                "type": OneOf("reasoning"),
                "id": _TEXT,
                "summary": _REASONING_TEXT,
                "content": _REASONING_TEXT,
                "encrypted_content": Sealed(),
                "status": _STATUS,
            }
        ),
    },
    refused=_HOSTED_ITEMS,
    default="message",
)
_TOOL_COMMON = {
    "name": _TEXT,
    "description": _TEXT,
    "allowed_callers": Each(OneOf("direct", refused={"programmatic": REACHES_OUT})),
    "defer_loading": Flag({True: REACHES_OUT}),
}
HOSTED_TOOLS: dict[str, str] = dict.fromkeys(
    (
        "file_search",
        "computer",
        "computer_use",
        "computer_use_preview",
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
        "mcp",
        "code_interpreter",
        "programmatic_tool_calling",
        "image_generation",
        "local_shell",
        "shell",
        "namespace",
        "tool_search",
        "apply_patch",
    ),
    REACHES_OUT,
)
_TOOL = ByType(
    {
        "function": Fields(
            {
                "type": OneOf("function"),
                "parameters": JsonSchema(),
                "output_schema": JsonSchema(),
                "strict": Flag(),
                **_TOOL_COMMON,
            },
            frozenset({"name"}),
        ),
        "custom": Fields(
            {
                "type": OneOf("custom"),
                "format": ByType(
                    {
                        "text": Fields({"type": OneOf("text")}),
                        "grammar": Fields(
                            {"type": OneOf("grammar"), "definition": _TEXT, "syntax": OneOf("lark", "regex")}
                        ),
                    }
                ),
                **_TOOL_COMMON,
            },
            frozenset({"name"}),
        ),
    },
    refused=HOSTED_TOOLS,
)
_NAMED_TOOL = {
    "function": Fields({"type": OneOf("function"), "name": _TEXT}, frozenset({"name"})),
    "custom": Fields({"type": OneOf("custom"), "name": _TEXT}, frozenset({"name"})),
}
_TOOL_CHOICE = Either(
    OneOf("none", "auto", "required"),
    ByType(
        {
            **_NAMED_TOOL,
            "allowed_tools": Fields(
                {
                    "type": OneOf("allowed_tools"),
                    "mode": OneOf("auto", "required"),
                    "tools": Each(ByType(_NAMED_TOOL, refused=HOSTED_TOOLS)),
                }
            ),
        },
        refused=HOSTED_TOOLS,
    ),
)
_FORMAT = ByType(
    {
        "text": Fields({"type": OneOf("text")}),
        "json_object": Fields({"type": OneOf("json_object")}),
        "json_schema": Fields(
            {
                "type": OneOf("json_schema"),
                "name": _TEXT,
                "schema": JsonSchema(),
                "description": _TEXT,
                "strict": Flag(),
            },
            frozenset({"name", "schema"}),
        ),
    }
)
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
        "input": Either(_TEXT, Each(_ITEM)),
        "instructions": _TEXT,
        "include": Each(_INCLUDED),
        "max_output_tokens": Number(1, 10_000_000, whole=True),
        "max_tool_calls": Number(1, 1_000, whole=True),
        "metadata": Names(),
        "parallel_tool_calls": Flag(),
        "prompt_cache_key": Pseudonym(),
        "reasoning": Fields(
            {
                "effort": _EFFORT,
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
        "stream": Flag({True: NO_STREAM}),
        "background": Flag({True: KEEPS_STATE}),
        "temperature": Number(0, 2),
        "text": Fields({"format": _FORMAT, "verbosity": OneOf("low", "medium", "high")}),
        "tool_choice": _TOOL_CHOICE,
        "tools": Each(_TOOL),
        "top_p": Number(0, 1),
        "truncation": OneOf("auto", "disabled"),
        "user": Pseudonym(),
    },
    required=frozenset({"model", "input"}),
    refused={
        "access_programs": NOT_GRANTED,
        "background_options": KEEPS_STATE,
        "context_management": KEEPS_STATE,
        "conversation": KEEPS_STATE,
        "image": NO_MEDIA,
        "moderation": NOT_GRANTED,
        "previous_response_id": KEEPS_STATE,
        "prompt": KEEPS_STATE,
        "prompt_cache_options": KEEPS_STATE,
        "prompt_cache_retention": KEEPS_STATE,
        "stream_options": NO_STREAM,
        "top_logprobs": NO_LOGPROBS,
    },
)


def _seal(answer: dict[str, Any], seal: Callable[[str], str]) -> None:
    output = answer.get("output")
    for item in cast("list[Any]", output) if isinstance(output, list) else []:
        if isinstance(item, dict) and isinstance(item.get("encrypted_content"), str):  # pyright: ignore[reportUnknownMemberType]
            item["encrypted_content"] = seal(cast("str", item["encrypted_content"]))


RESPONSES = Endpoint(
    path="responses",
    shape=_SHAPE,
    output_limits=("max_output_tokens",),
    answers=None,
    object="response",
    usage_fields=("input_tokens", "output_tokens"),
    seal=_seal,
)
