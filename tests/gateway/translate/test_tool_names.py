"""Plain names of tools in namespaces."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sakimori.gateway.translate.tool_names import ToolNames

NAMES = st.one_of(st.sampled_from(["a", "b", "a__b", "_", "b__a"]), st.text(min_size=1, max_size=80))


def function(name: str) -> dict[str, Any]:
    return {"type": "function", "name": name}


def namespace(name: str, tools: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "namespace", "name": name, "tools": tools}


TOOL = st.builds(function, NAMES)
SPACE = st.builds(namespace, NAMES, st.lists(TOOL, max_size=4))


@given(st.lists(st.one_of(TOOL, SPACE), max_size=8))
def test_whatever_tools_are_called_each_has_a_name_of_its_own_that_fits_and_leads_back(tools: list[Any]) -> None:
    names = ToolNames(tools)
    own = {tool["name"] for tool in tools if tool["type"] == "function"}
    keys = {(tool["name"], member["name"]) for tool in tools for member in tool.get("tools", ())}
    plain = {key: names.plain(*key) for key in keys}
    assert len({*plain.values(), *own}) == len(plain) + len(own)
    for key, name in plain.items():
        assert names.given(name) == key
        assert re.fullmatch("[A-Za-z0-9_-]{1,64}", name)
    for name in own:
        assert names.given(name) == (None, name)
    again = ToolNames(tools)
    assert {key: again.plain(*key) for key in keys} == plain


def test_a_name_says_where_the_tool_is_from() -> None:
    assert ToolNames([]).plain("agents", "look") == "agents__look"
    long = ToolNames([]).plain("agents", "l" * 80)
    assert long.startswith("agents__lll")
    assert len(long) == 64
