"""Tools that a request to ``/v1/responses`` may offer a model.

Those that the client runs itself (functions, shells, patches) reach nothing by themselves and pass. Those that run at
the provider pass only where a grant names them.
"""

from sakimori.gateway.endpoints.endpoint import KEEPS_STATE, NO_MEDIA, REACHES_OUT
from sakimori.gateway.jsonschema import JsonSchema
from sakimori.gateway.shapes import ByType, Each, Either, Fields, Flag, Granted, OneOf, Shape, Text

_TEXT = Text()
_NO_CREDENTIALS = "a credential cannot leave through the boundary"
DIRECT = {"allowed_callers": Each(OneOf("direct", refused={"programmatic": REACHES_OUT}))}
_COMMON = {"name": _TEXT, "description": _TEXT, "defer_loading": Flag(), "async": Flag(), **DIRECT}
_FUNCTION = Fields(
    {
        "type": OneOf("function"),
        "parameters": JsonSchema(),
        "output_schema": JsonSchema(),
        "strict": Flag(),
        **_COMMON,
    },
    frozenset({"name"}),
)
CUSTOM_FORMAT = ByType(
    {
        "text": Fields({"type": OneOf("text")}),
        "grammar": Fields({"type": OneOf("grammar"), "definition": _TEXT, "syntax": OneOf("lark", "regex")}),
    }
)
_CUSTOM = Fields({"type": OneOf("custom"), "format": CUSTOM_FORMAT, **_COMMON}, frozenset({"name"}))
_WEB_SEARCHES = ("web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11")
_WEB_SEARCH = Granted(
    "web_search",
    Fields(
        {
            "type": OneOf(*_WEB_SEARCHES),
            "external_web_access": Flag(),
            "filters": Fields({"allowed_domains": Each(_TEXT)}),
            "search_context_size": OneOf("low", "medium", "high"),
            "search_content_types": Each(OneOf("text", refused={"image": NO_MEDIA})),
            "user_location": Fields(
                {
                    "type": OneOf("approximate"),
                    "city": _TEXT,
                    "country": _TEXT,
                    "region": _TEXT,
                    "timezone": _TEXT,
                }
            ),
        }
    ),
    REACHES_OUT,
)
_CODE_INTERPRETER = Granted(
    "code_interpreter",
    Fields(
        {
            "type": OneOf("code_interpreter"),
            "container": Fields(
                {
                    "type": OneOf("auto"),
                    "memory_limit": OneOf("1g", "4g", "16g", "64g"),
                    "network_policy": Fields({"type": OneOf("disabled", refused={"allowlist": REACHES_OUT})}),
                },
                frozenset({"type"}),
                {"file_ids": KEEPS_STATE},
            ),
            **DIRECT,
        },
        frozenset({"container"}),
    ),
    REACHES_OUT,
)
_MCP_TOOLS = Fields({"read_only": Flag(), "tool_names": Each(_TEXT)})
_MCP = Granted(
    "mcp",
    Fields(
        {
            "type": OneOf("mcp"),
            "server_label": _TEXT,
            "server_url": _TEXT,
            "server_description": _TEXT,
            "allowed_tools": _MCP_TOOLS,
            "require_approval": Either(OneOf("always", "never"), Fields({"always": _MCP_TOOLS, "never": _MCP_TOOLS})),
            "defer_loading": Flag(),
            **DIRECT,
        },
        frozenset({"server_label", "server_url"}),
        {
            "authorization": _NO_CREDENTIALS,
            "headers": _NO_CREDENTIALS,
            "connector_id": REACHES_OUT,
            "tunnel_id": REACHES_OUT,
        },
    ),
    REACHES_OUT,
)
_RUN_BY_CLIENT: dict[str, Shape] = {
    "function": _FUNCTION,
    "custom": _CUSTOM,
    "local_shell": Fields({"type": OneOf("local_shell")}),
    "shell": Fields(
        {
            "type": OneOf("shell"),
            "environment": ByType(
                {"local": Fields({"type": OneOf("local")}, refused={"skills": KEEPS_STATE})},
                refused={"container_auto": REACHES_OUT, "container_reference": KEEPS_STATE},
            ),
            **DIRECT,
        },
        frozenset({"environment"}),
    ),
    "apply_patch": Fields({"type": OneOf("apply_patch"), **DIRECT}),
    "namespace": Fields(
        {
            "type": OneOf("namespace"),
            "name": _TEXT,
            "description": _TEXT,
            "tools": Each(ByType({"function": _FUNCTION, "custom": _CUSTOM})),
        },
        frozenset({"name", "tools"}),
    ),
    "tool_search": Fields(
        {
            "type": OneOf("tool_search"),
            "description": _TEXT,
            "execution": OneOf("server", "client"),
            "parameters": JsonSchema(),
        }
    ),
}
"""Without an environment a shell would run in a container of the provider's."""
_HOSTED: dict[str, Shape] = {
    **dict.fromkeys(_WEB_SEARCHES, _WEB_SEARCH),
    "code_interpreter": _CODE_INTERPRETER,
    "mcp": _MCP,
}
_REFUSED = {
    "file_search": KEEPS_STATE,
    "computer": NO_MEDIA,
    "computer_use": NO_MEDIA,
    "computer_use_preview": NO_MEDIA,
    "image_generation": NO_MEDIA,
    "programmatic_tool_calling": REACHES_OUT,
}
TOOL = ByType({**_RUN_BY_CLIENT, **_HOSTED}, refused=_REFUSED)


def _chosen(type: str, **names: Shape) -> Fields:
    return Fields({"type": OneOf(type), **names}, frozenset(names))


_CHOICES: dict[str, Shape] = {
    "function": _chosen("function", name=_TEXT),
    "custom": _chosen("custom", name=_TEXT),
    "namespace": _chosen("namespace", name=_TEXT),
    **{type: _chosen(type) for type in ("local_shell", "shell", "apply_patch", "tool_search")},
    **{type: Granted("web_search", _chosen(type), REACHES_OUT) for type in _WEB_SEARCHES},
    "code_interpreter": Granted("code_interpreter", _chosen("code_interpreter"), REACHES_OUT),
    "mcp": Granted(
        "mcp",
        Fields({"type": OneOf("mcp"), "server_label": _TEXT, "name": _TEXT}, frozenset({"server_label"})),
        REACHES_OUT,
    ),
}
TOOL_CHOICE = Either(
    OneOf("none", "auto", "required"),
    ByType(
        {
            **_CHOICES,
            "allowed_tools": Fields(
                {
                    "type": OneOf("allowed_tools"),
                    "mode": OneOf("auto", "required"),
                    "tools": Each(ByType(_CHOICES, refused=_REFUSED)),
                },
                frozenset({"mode", "tools"}),
            ),
        },
        refused=_REFUSED,
    ),
)
