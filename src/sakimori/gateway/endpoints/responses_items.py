"""The input of ``/v1/responses``: items as ``openai.types.responses.ResponseInputItemParam`` of the SDK 3.54."""

from collections.abc import Mapping

from sakimori.gateway.endpoints.endpoint import COMPACTS, KEEPS_STATE, NO_LOGPROBS, NO_MEDIA, REACHES_OUT
from sakimori.gateway.endpoints.responses_tools import TOOL
from sakimori.gateway.jsonschema import JsonSchema
from sakimori.gateway.shapes import (
    ByType,
    Dropped,
    Each,
    Either,
    Encoded,
    Fields,
    Flag,
    Granted,
    JsonValue,
    Names,
    Number,
    OneOf,
    Sealed,
    Shape,
    Text,
)

_TEXT = Text()
_STATUS = OneOf("in_progress", "completed", "incomplete")
_CACHE_BREAKPOINT = {"prompt_cache_breakpoint": KEEPS_STATE}
_IMAGE = Fields(
    {
        "type": OneOf("input_image"),
        "image_url": Encoded("image/(?:png|jpeg|webp|gif)"),
        "detail": OneOf("low", "high", "auto", "original"),
    },
    frozenset({"image_url"}),
    {"file_id": KEEPS_STATE, **_CACHE_BREAKPOINT},
)
_FILE = Fields(
    {"type": OneOf("input_file"), "filename": _TEXT, "file_data": Encoded("[a-z]+/[A-Za-z0-9.+-]+")},
    frozenset({"file_data"}),
    {"file_id": KEEPS_STATE, "file_url": REACHES_OUT, **_CACHE_BREAKPOINT},
)
_AUDIO = Fields(
    {
        "type": OneOf("input_audio"),
        "input_audio": Fields({"data": Encoded(""), "format": OneOf("wav", "mp3")}, frozenset({"data", "format"})),
    },
    frozenset({"input_audio"}),
)
_ANNOTATION = Granted("web_search", Names(), REACHES_OUT)
CONTENT = Either(
    _TEXT,
    Each(
        ByType(
            {
                "input_text": Fields(
                    {"type": OneOf("input_text"), "text": _TEXT}, frozenset({"text"}), _CACHE_BREAKPOINT
                ),
                "output_text": Fields(
                    {"type": OneOf("output_text"), "text": _TEXT, "annotations": Each(_ANNOTATION)},
                    frozenset({"text"}),
                    {"logprobs": NO_LOGPROBS},
                ),
                "refusal": Fields({"type": OneOf("refusal"), "refusal": _TEXT}, frozenset({"refusal"})),
                "input_image": Granted("image", _IMAGE, NO_MEDIA, of="media"),
                "input_file": Granted("file", _FILE, NO_MEDIA, of="media"),
                "input_audio": Granted("audio", _AUDIO, NO_MEDIA, of="media"),
            },
            refused={"image": NO_MEDIA, "computer_screenshot": NO_MEDIA},
        )
    ),
)
EFFORT = OneOf("none", "minimal", "low", "medium", "high", "xhigh", "max")
FORMAT = ByType(
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
_PLACE = {"id": _TEXT, "call_id": _TEXT, "status": _STATUS}
_CALL = {
    **_PLACE,
    "name": _TEXT,
    "namespace": _TEXT,
    "caller": Fields({"type": OneOf("direct", refused={"program": REACHES_OUT})}),
}
_REASONING_TEXT = Each(Fields({"type": OneOf("summary_text", "reasoning_text"), "text": _TEXT}, frozenset({"text"})))


_ABOUT_ITSELF = {"internal_chat_message_metadata_passthrough": Dropped()}
"""What Codex notes on its items for itself."""


def _of(type: str, fields: Mapping[str, Shape], *required: str, without: dict[str, str] | None = None) -> Fields:
    return Fields({"type": OneOf(type), **_ABOUT_ITSELF, **fields}, frozenset(required), without or {})


_SPOKEN: dict[str, Shape] = {
    "message": _of(
        "message",
        {
            "id": _TEXT,
            "role": OneOf("user", "assistant", "system", "developer"),
            "content": CONTENT,
            "status": _STATUS,
            "phase": OneOf("commentary", "final_answer"),
        },
        "role",
        "content",
    ),
    "reasoning": _of(
        "reasoning",
        {
            "id": _TEXT,
            "summary": _REASONING_TEXT,
            "content": _REASONING_TEXT,
            "encrypted_content": Sealed(),
            "status": _STATUS,
        },
    ),
}
_CALLED: dict[str, Shape] = {
    "function_call": _of("function_call", {"arguments": _TEXT, **_CALL}, "arguments", "call_id", "name"),
    "function_call_output": _of("function_call_output", {"output": CONTENT, **_CALL}, "output"),
    "custom_tool_call": _of("custom_tool_call", {"input": _TEXT, **_CALL}, "input", "call_id", "name"),
    "custom_tool_call_output": _of("custom_tool_call_output", {"output": CONTENT, **_CALL}, "output"),
    "local_shell_call": _of(
        "local_shell_call",
        {
            **_PLACE,
            "action": _of(
                "exec",
                {
                    "command": Each(_TEXT),
                    "env": Names(),
                    "timeout_ms": Number(0, 2**53, whole=True),
                    "user": _TEXT,
                    "working_directory": _TEXT,
                },
                "command",
            ),
        },
        "action",
        "call_id",
    ),
    "local_shell_call_output": _of("local_shell_call_output", {**_PLACE, "output": _TEXT}, "output"),
    "shell_call": _of(
        "shell_call",
        {
            **_CALL,
            "action": Fields(
                {
                    "commands": Each(_TEXT),
                    "max_output_length": Number(0, 2**53, whole=True),
                    "timeout_ms": Number(0, 2**53, whole=True),
                },
                frozenset({"commands"}),
            ),
            "environment": _of("local", {}, without={"skills": KEEPS_STATE}),
        },
        "action",
        "call_id",
    ),
    "shell_call_output": _of(
        "shell_call_output",
        {
            **_CALL,
            "max_output_length": Number(0, 2**53, whole=True),
            "output": Each(
                Fields(
                    {
                        "stdout": _TEXT,
                        "stderr": _TEXT,
                        "outcome": Fields(
                            {"type": OneOf("timeout", "exit"), "exit_code": Number(-(2**31), 2**31, whole=True)}
                        ),
                    }
                )
            ),
        },
        "output",
        "call_id",
    ),
    "apply_patch_call": _of(
        "apply_patch_call",
        {
            **_CALL,
            "operation": Fields(
                {"type": OneOf("create_file", "delete_file", "update_file"), "diff": _TEXT, "path": _TEXT},
                frozenset({"type", "path"}),
            ),
        },
        "operation",
        "call_id",
    ),
    "apply_patch_call_output": _of(
        "apply_patch_call_output",
        {**_CALL, "status": OneOf("completed", "failed"), "output": _TEXT},
        "call_id",
    ),
    "tool_search_call": _of(
        "tool_search_call", {**_PLACE, "arguments": JsonValue(), "execution": OneOf("server", "client")}, "arguments"
    ),
    "tool_search_output": _of(
        "tool_search_output", {**_PLACE, "tools": Each(TOOL), "execution": OneOf("server", "client")}, "tools"
    ),
    "configuration_update": _of(
        "configuration_update",
        {"id": _TEXT, "reasoning": Fields({"effort": EFFORT}), "text": Fields({"format": FORMAT})},
    ),
    "additional_tools": _of(
        "additional_tools", {"id": _TEXT, "role": OneOf("developer"), "tools": Each(TOOL)}, "role", "tools"
    ),
}


def _hosted(tool: str, type: str, fields: Mapping[str, Shape]) -> Granted:
    return Granted(tool, _of(type, {**_PLACE, **fields}), REACHES_OUT)


_SERVER = {"server_label": _TEXT, "name": _TEXT, "arguments": _TEXT, "approval_request_id": _TEXT}
_MCP_STATUS = OneOf("in_progress", "completed", "incomplete", "calling", "failed")
_HOSTED: dict[str, Shape] = {
    "web_search_call": _hosted("web_search", "web_search_call", {"action": Names()}),
    "code_interpreter_call": _hosted(
        "code_interpreter",
        "code_interpreter_call",
        {"code": _TEXT, "container_id": _TEXT, "outputs": Each(_of("logs", {"logs": _TEXT}))},
    ),
    "mcp_list_tools": _hosted("mcp", "mcp_list_tools", {"server_label": _TEXT, "tools": Each(Names()), "error": _TEXT}),
    "mcp_call": _hosted("mcp", "mcp_call", {**_SERVER, "status": _MCP_STATUS, "output": _TEXT, "error": JsonValue()}),
    "mcp_approval_request": _hosted("mcp", "mcp_approval_request", _SERVER),
    "mcp_approval_response": _hosted("mcp", "mcp_approval_response", {**_SERVER, "approve": Flag(), "reason": _TEXT}),
}
ITEM = ByType(
    {**_SPOKEN, **_CALLED, **_HOSTED},
    refused={
        "file_search_call": KEEPS_STATE,
        "computer_call": NO_MEDIA,
        "computer_call_output": NO_MEDIA,
        "image_generation_call": NO_MEDIA,
        "program": REACHES_OUT,
        "program_output": REACHES_OUT,
        "item_reference": KEEPS_STATE,
        "compaction": COMPACTS,
        "compaction_trigger": COMPACTS,
    },
    default="message",
)
