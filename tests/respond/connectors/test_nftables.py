"""Rule sets and what is read out of nft's JSON, without a host (the real thing: test_nftables_services)."""

import ipaddress
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.records import Effect
from sakimori.respond.connectors import ConnectorUnreachable
from sakimori.respond.connectors.nftables import Network, isolation, rule_set
from sakimori.respond.connectors.settings import LinuxHost

HOST = LinuxHost(name="db01", address="192.0.2.77")


@st.composite
def networks(draw: st.DrawFn) -> Network:
    address = draw(st.ip_addresses())
    return ipaddress.ip_network(f"{address}/{draw(st.integers(1, address.max_prefixlen))}", strict=False)


@given(st.lists(networks(), min_size=1), st.integers(1, 65535), st.integers(2, 600))
def test_every_rule_set_drops_at_all_hooks_and_opens_the_management_path_both_ways(
    management: list[Network], port: int, timer: int
) -> None:
    rules = rule_set(management, ssh_port=port, forgotten_after_s=timer)
    assert rules.startswith("add table inet sakimori\ndelete table inet sakimori\ntable inet sakimori {\n")
    assert rules.count("meta nfproto @armed drop") == 3
    assert rules.count(f"timeout {timer}s") == 2
    assert (
        rules.count(f"tcp dport {port} accept")
        == rules.count(f"tcp sport {port} accept")
        == len({network.version for network in management})
    )
    assert "ct " not in rules, "a stateful path would hang the session that sets it"
    assert re.fullmatch(r"""[a-z0-9 {}@_:;,./="\n-]*""", rules)
    assert rules.count("{") == rules.count("}")


def listing(*, elements: list[Any], hooks: tuple[str, ...] = ("input", "output", "forward"), drops: int = 3) -> bytes:
    items: list[dict[str, Any]] = [
        {"metainfo": {"version": "1.0.6"}},
        {"table": {"family": "inet", "name": "sakimori"}},
        {"set": {"name": "armed", **({"elem": elements} if elements else {})}},
        *({"chain": {"name": hook, "hook": hook}} for hook in hooks),
        *({"rule": {"chain": hook, "expr": [{"drop": None}]}} for hook in hooks[:drops]),
    ]
    return json.dumps({"nftables": items}).encode()


TIMED = [{"elem": {"val": family, "timeout": 30, "expires": 5}} for family in ("ipv4", "ipv6")]


@pytest.mark.parametrize(
    ("answer", "effect"),
    [
        (listing(elements=["ipv4", "ipv6"]), Effect.APPLIED),
        (listing(elements=TIMED), Effect.UNKNOWN),
        (listing(elements=[]), Effect.ABSENT),
        (listing(elements=["ipv4"]), Effect.UNKNOWN),
        (listing(elements=["ipv4", "ipv6"], hooks=("input", "output")), Effect.ABSENT),
        (listing(elements=["ipv4", "ipv6"], drops=2), Effect.ABSENT),
        (b'{"nftables": []}', Effect.ABSENT),
    ],
    ids=["confirmed", "armed", "expired", "half", "a hook gone", "a rule gone", "nothing"],
)
def test_what_nft_lists_is_read_with_care(answer: bytes, effect: Effect) -> None:
    assert isolation(answer, HOST) is effect


@pytest.mark.parametrize(
    "answer",
    [b"", b"{", b"[]", b"{}", b"null", b'{"nftables": 1}', b'{"nftables": [1]}', b'{"nftables": [{"set": 1}]}'],
)
def test_a_host_that_answers_nonsense_is_unreachable(answer: bytes) -> None:
    with pytest.raises(ConnectorUnreachable, match="is not its JSON"):
        isolation(answer, HOST)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["armed", "ipv4", "ipv6"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["set", "chain", "rule", "name", "elem", "expr", "hook", "drop"]), inner)
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_a_host_says_nothing_breaks_here(value: object) -> None:
    try:
        isolation(json.dumps({"nftables": value}).encode(), HOST)
    except ConnectorUnreachable:
        return
