"""Tools at the provider that a request offers: how price lists call them, and how often they may run at most."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

MOST_CALLS = 3
"""How often they may run for one answer where the client does not say: each time the model reads everything again."""
_WEB_SEARCH = "web_search"
_CODE_INTERPRETER = "code_interpreter"
_MCP = "mcp"
_TOOL_SEARCH = "tool_search"


@dataclass(frozen=True, slots=True)
class Offered:
    """What runs there is billed by the call, and the model reads its whole context again after each."""

    billed: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """By tool, as grants name it: how price lists call what it costs; nothing where no call costs anything."""
    calls: int = 0
    """The most calls that the answer may make, all tools together."""

    @property
    def tools(self) -> frozenset[str]:
        return frozenset(self.billed)

    @property
    def names(self) -> frozenset[str]:
        """All that a price list must have."""
        return frozenset(name for names in self.billed.values() for name in names)

    @property
    def lists_first(self) -> bool:
        """Whether the provider adds to what the model reads first: what servers say that they can do."""
        return _MCP in self.billed

    def paid(self, counted: Mapping[str, int]) -> dict[str, int]:
        """What is billed, by tool, where an answer shows so many calls. A container is billed once it was offered:
        the provider opens it before the model asks for it, and does not say so."""
        opened = {_CODE_INTERPRETER: max(1, counted.get(_CODE_INTERPRETER, 0))}
        return {**counted, **(opened if _CODE_INTERPRETER in self.billed else {})}


def offered(sent: Mapping[str, Any]) -> Offered:
    """In a request to ``/v1/responses`` that was rebuilt, and that says how often tools may run if any are offered."""
    billed: dict[str, frozenset[str]] = {}
    for tool in _tools(sent):
        if (told := _billed(tool)) is not None:
            name, names = told
            billed[name] = billed.get(name, frozenset()) | names
    return Offered(billed, cast("int", sent.get("max_tool_calls") or MOST_CALLS)) if billed else Offered()


def _tools(sent: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from cast("Iterable[dict[str, Any]]", sent.get("tools") or ())
    items = sent.get("input")
    for item in cast("list[dict[str, Any]]", items) if isinstance(items, list) else []:
        if item.get("type") in ("additional_tools", "tool_search_output"):
            yield from cast("Iterable[dict[str, Any]]", item.get("tools") or ())


def _billed(tool: Mapping[str, Any]) -> tuple[str, frozenset[str]] | None:
    """The tool, and how price lists call it; None: the client runs it."""
    kind: str = tool["type"]
    if kind.startswith("web_search_preview"):
        return _WEB_SEARCH, frozenset({"web_search_preview"})
    if kind.startswith(_WEB_SEARCH):
        return _WEB_SEARCH, frozenset({_WEB_SEARCH})
    if kind == _CODE_INTERPRETER:
        memory = tool["container"].get("memory_limit") or "1g"
        return kind, frozenset({f"{_CODE_INTERPRETER}_{memory}"})
    if kind == _MCP:
        return kind, frozenset({_MCP})
    if kind == _TOOL_SEARCH and tool.get("execution") != "client":
        return kind, frozenset()
    return None
