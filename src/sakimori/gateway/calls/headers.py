"""Headers of requests: which may be there. None is passed on to a provider; one that nobody knows is refused by name.

A header that is not understood may change what a call means to someone on its way: a proxy, a cache, a provider.
"""

from collections.abc import Iterable

from sakimori.gateway.refusal import Refusal

_HTTP = frozenset(  # RFC 9110 and 9112, and what HTTP libraries and browsers add of themselves
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "dnt",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "pragma",
        "priority",
        "proxy-connection",
        "referer",
        "sec-ch-ua",
        "sec-ch-ua-mobile",
        "sec-ch-ua-platform",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "te",
        "transfer-encoding",
        "upgrade-insecure-requests",
        "user-agent",
    }
)
_OURS = frozenset({"authorization", "sakimori-data-class", "sakimori-purpose"})
_OPENAI_CLIENTS = frozenset(  # what OpenAI's libraries say about themselves, and the key of their own retries
    {
        "idempotency-key",
        "x-client-request-id",
        "x-stainless-arch",
        "x-stainless-async",
        "x-stainless-custom-event-handler",
        "x-stainless-custom-poll-interval",
        "x-stainless-helper-method",
        "x-stainless-lang",
        "x-stainless-os",
        "x-stainless-package-version",
        "x-stainless-poll-helper",
        "x-stainless-raw-response",
        "x-stainless-read-timeout",
        "x-stainless-retry-count",
        "x-stainless-runtime",
        "x-stainless-runtime-version",
        "x-stainless-stream-helper",
        "x-stainless-timeout",
    }
)
_CODEX = frozenset(  # names of its sessions and turns, which are its own business
    {
        "conversation-id",
        "conversation_id",
        "originator",
        "session-id",
        "session_id",
        "thread-id",
        "version",
        "x-codex-beta-features",
        "x-codex-inference-call-id",
        "x-codex-installation-id",
        "x-codex-parent-thread-id",
        "x-codex-turn-metadata",
        "x-codex-turn-state",
        "x-codex-window-id",
        "x-openai-internal-codex-responses-lite",
        "x-openai-memgen-request",
        "x-openai-subagent",
        "x-responsesapi-include-timing-metrics",
    }
)
_TRACING = frozenset(  # W3C Trace Context and Baggage, B3, and those of the large clouds
    {
        "b3",
        "baggage",
        "sentry-trace",
        "traceparent",
        "tracestate",
        "x-amzn-trace-id",
        "x-b3-parentspanid",
        "x-b3-sampled",
        "x-b3-spanid",
        "x-b3-traceid",
        "x-cloud-trace-context",
        "x-correlation-id",
        "x-request-id",
    }
)
_PROXIES = frozenset(  # RFC 7239 and its forerunners: what stands between a client and us
    {
        "forwarded",
        "via",
        "x-envoy-attempt-count",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-external-address",
        "x-envoy-internal",
        "x-envoy-original-path",
        "x-forwarded-by",
        "x-forwarded-client-cert",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-forwarded-scheme",
        "x-forwarded-server",
        "x-forwarded-ssl",
        "x-original-forwarded-for",
        "x-real-ip",
        "x-request-start",
        "x-scheme",
    }
)
KNOWN = _HTTP | _OURS | _OPENAI_CLIENTS | _CODEX | _TRACING | _PROXIES
_REPEATABLE = frozenset(  # lists by their definition, and what each proxy adds its own of
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "baggage",
        "cache-control",
        "connection",
        "forwarded",
        "pragma",
        "te",
        "tracestate",
        "via",
        *(name for name in _PROXIES if name.startswith("x-forwarded-")),
        "x-original-forwarded-for",
    }
)
_REFUSED = {
    "api-key": "show the key as 'Authorization: Bearer KEY'",
    "cookie": "this gateway knows no sessions",
    "openai-beta": "features are the gateway's to choose",
    "openai-organization": "the organisation is the gateway's to choose",
    "openai-project": "the project is the gateway's to choose",
    "upgrade": "this gateway speaks plain HTTP",
}


def check(names: Iterable[str]) -> None:
    """Take a request's headers only as far as each is known, and those that have one value once.

    Args:
        names: of all headers, each as often as it is there, in any case.

    Raises:
        Refusal: one is unknown, refused with a reason, or there more than once; or the length of the body is given in
            two ways (RFC 9112, section 6.3: how requests are smuggled).
    """
    seen: set[str] = set()
    for given in names:
        name = given.lower()
        if name not in KNOWN:
            raise _refusal(name)
        if name in seen and name not in _REPEATABLE:
            raise Refusal(400, "duplicate_header", f"The header '{name}' is there more than once.", param=name)
        seen.add(name)
    if {"content-length", "transfer-encoding"} <= seen:
        message = "The length of the body is given in two ways: by Content-Length and by Transfer-Encoding."
        raise Refusal(400, "invalid_request", message, param="transfer-encoding")


def _refusal(name: str) -> Refusal:
    if name in _REFUSED:
        message = f"The header '{name}' is refused by the gateway: {_REFUSED[name]}."
        return Refusal(400, "unsupported_header", message, param=name)
    shown = name if name.isprintable() and len(name) <= 100 else name[:100].encode("unicode_escape").decode()
    message = f"The header '{shown}' is not known to the gateway, so the request was not taken; leave it out."
    return Refusal(400, "unknown_header", message, param=shown)
