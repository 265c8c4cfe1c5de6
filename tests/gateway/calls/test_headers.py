"""Which headers a request may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sakimori.gateway.calls import headers
from sakimori.gateway.refusal import Refusal

OPENAI_PYTHON = """Host Accept-Encoding Connection Accept Content-Type User-Agent X-Stainless-Lang
    X-Stainless-Package-Version X-Stainless-OS X-Stainless-Arch X-Stainless-Runtime X-Stainless-Runtime-Version
    Authorization X-Stainless-Async x-stainless-retry-count x-stainless-read-timeout Content-Length"""
CODEX = """version x-codex-beta-features x-codex-window-id x-codex-turn-metadata x-openai-internal-codex-responses-lite
    x-client-request-id session-id thread-id accept content-type authorization originator user-agent host
    content-length"""
BEHIND_A_PROXY = """Host Authorization Content-Type Content-Length Via Via X-Forwarded-For X-Forwarded-For
    X-Forwarded-Proto X-Real-IP Forwarded traceparent tracestate X-Request-ID Sakimori-Purpose"""


@pytest.mark.parametrize("sent", [OPENAI_PYTHON, CODEX, BEHIND_A_PROXY])
def test_what_clients_and_proxies_send_of_themselves_is_accepted(sent: str) -> None:
    headers.check(sent.split())


@pytest.mark.parametrize(
    ("sent", "code", "param"),
    [
        (["X-Use-Other-Model"], "unknown_header", "x-use-other-model"),
        (["OpenAI-Organization"], "unsupported_header", "openai-organization"),
        (["openai-beta"], "unsupported_header", "openai-beta"),
        (["Cookie"], "unsupported_header", "cookie"),
        (["Authorization", "authorization"], "duplicate_header", "authorization"),
        (["Sakimori-Purpose", "Sakimori-Purpose"], "duplicate_header", "sakimori-purpose"),
        (["Content-Length", "content-length"], "duplicate_header", "content-length"),
        (["Content-Length", "Transfer-Encoding"], "invalid_request", "transfer-encoding"),
        (["Host", "host"], "duplicate_header", "host"),
        (["x-" + "y" * 500], "unknown_header", "x-" + "y" * 98),
    ],
)
def test_what_is_not_known_is_refused_by_name(sent: list[str], code: str, param: str) -> None:
    with pytest.raises(Refusal) as refused:
        headers.check(sent)
    assert (refused.value.status, refused.value.code, refused.value.param) == (400, code, param)


@given(st.text(min_size=1))
def test_any_other_name_is_refused_in_one_printable_line(name: str) -> None:
    if name.lower() in headers.KNOWN:
        return
    with pytest.raises(Refusal) as refused:
        headers.check([name])
    assert refused.value.message.isprintable()
