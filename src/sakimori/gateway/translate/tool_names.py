"""Names of tools for an API that knows no namespaces: each gets a plain one, and answers are put back by it."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

_LONGEST = 64
"""Characters of a function's name (``openai.types.shared_params.FunctionDefinition``)."""
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")
_DIGEST = 8


class ToolNames:
    """Of one request. No two tools have one name, and the same tools have the same names in every turn."""

    def __init__(self, tools: Iterable[Mapping[str, Any]]) -> None:
        """``tools``: what is offered, as ``/v1/responses`` has it. Those in no namespace keep their names."""
        self._plain: dict[tuple[str, str], str] = {}
        self._given: dict[str, tuple[str, str]] = {}
        offered = list(tools)
        self._own = {tool["name"] for tool in offered if tool["type"] != "namespace" and tool.get("name")}
        for tool in offered:
            if tool["type"] == "namespace":
                for member in tool["tools"]:
                    self.plain(tool["name"], member["name"])

    def plain(self, namespace: str | None, name: str) -> str:
        """What a tool is called there, which need not be among those offered: an earlier turn may have called it."""
        if namespace is None:
            return name
        key = (namespace, name)
        if key not in self._plain:
            chosen = self._plain[key] = self._free(namespace, name)
            self._given[chosen] = key
        return self._plain[key]

    def given(self, plain: str) -> tuple[str | None, str]:
        """Namespace and name of what is called so there; without a namespace where it has none."""
        return self._given.get(plain, (None, plain))

    def is_ambiguous(self, name: str) -> bool:
        """Whether only tools of namespaces are called so."""
        return name not in self._own and any(name == member for _, member in self._plain)

    def _free(self, namespace: str, name: str) -> str:
        wanted = f"{namespace}__{name}"
        if len(wanted) <= _LONGEST and not _UNFIT.search(wanted) and not self._taken(wanted):
            return wanted
        # What does not fit is told apart by a digest of what it stands for.
        number = 0
        while True:
            digest = hashlib.sha256(f"{namespace}\0{name}\0{number}".encode()).hexdigest()[:_DIGEST]
            fitting = f"{_UNFIT.sub('_', wanted)[: _LONGEST - _DIGEST - 1]}_{digest}"
            if not self._taken(fitting):
                return fitting
            number += 1

    def _taken(self, plain: str) -> bool:
        return plain in self._own or plain in self._given
