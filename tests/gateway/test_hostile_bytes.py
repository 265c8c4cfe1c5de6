"""Bytes that no honest client sends: none of it reaches a provider, holds a connection for ever, or harms others."""

import json
import re
import socket
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from openai import OpenAI
from tests.gateway.conftest import Bank
from tests.scripted_provider import MODEL, Upstream

from sakimori.access import keys
from sakimori.core import SystemClock
from sakimori.gateway import Providers, running, server, serving
from sakimori.gateway.calls import arrival
from sakimori.gateway.calls.bodies import Bodies

ASK = json.dumps({"model": MODEL, "input": "hi", "max_output_tokens": 10}).encode()


@contextmanager
def connected(base_url: str) -> Generator[socket.socket]:
    address = urlsplit(base_url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30) as raw:
        yield raw


def answer(raw: socket.socket) -> bytes:
    """One whole answer, or what comes of it until the other side closes."""
    heard = b""
    while True:
        beginning, ended, body = heard.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", beginning)
        if ended and length is not None and len(body) >= int(length[1]):
            return heard
        try:
            piece = raw.recv(65536)
        except ConnectionResetError:
            return heard
        if not piece:
            return heard
        heard += piece


def head(bank: Bank, *lines: str, path: str = "/v1/responses") -> bytes:
    all_lines = [
        f"POST {path} HTTP/1.1",
        "Host: gateway",
        "Content-Type: application/json",
        f"Authorization: Bearer {bank.key}",
        *lines,
    ]
    return "\r\n".join(all_lines).encode() + b"\r\n\r\n"


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


SMUGGLED: dict[str, Any] = {
    "length and chunks": (["Content-Length: 5", "Transfer-Encoding: chunked"], b"0\r\n\r\n"),
    "chunks and length": (["Transfer-Encoding: chunked", "Content-Length: 5"], b"0\r\n\r\n"),
    "two lengths": ([f"Content-Length: {len(ASK)}", "Content-Length: 3"], ASK),
    "the same length twice": ([f"Content-Length: {len(ASK)}"] * 2, ASK),
    "a signed length": ([f"Content-Length: +{len(ASK)}"], ASK),
    "a length in other digits": (["Content-Length: ５"], ASK),
    "a list of lengths": ([f"Content-Length: {len(ASK)}, {len(ASK)}"], ASK),
    "an encoding behind chunked": (["Transfer-Encoding: chunked, identity"], chunked(ASK)),
    "an encoding that hides": (["Transfer-Encoding: xchunked"], chunked(ASK)),
    "chunked twice": (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], chunked(ASK)),
    "space before the colon": ([f"Content-Length : {len(ASK)}"], ASK),
    "a folded header": ([f"Content-Length: {len(ASK)}", "X-Request-Id: a", " folded"], ASK),
    "a bare line feed": ([f"Content-Length: {len(ASK)}\nTransfer-Encoding: chunked"], ASK),
    "a bare carriage return": ([f"X-Request-Id: a\rContent-Length: {len(ASK)}"], ASK),
    "a null byte": ([f"Content-Length: {len(ASK)}", "X-Request-Id: a\0b"], ASK),
    "a chunk size of another kind": (["Transfer-Encoding: chunked"], b"0x5\r\nhello\r\n0\r\n\r\n"),
    "a chunk that ends in a bare line feed": (["Transfer-Encoding: chunked"], b"5\nhello\n0\n\n"),
    "a negative chunk": (["Transfer-Encoding: chunked"], b"-5\r\nhello\r\n0\r\n\r\n"),
    "a key shown twice": ([f"Content-Length: {len(ASK)}", "Authorization: Bearer other"], ASK),
    "two hosts": ([f"Content-Length: {len(ASK)}", "Host: elsewhere"], ASK),
    "two purposes": ([f"Content-Length: {len(ASK)}", "Sakimori-Purpose: a", "Sakimori-Purpose: b"], ASK),
    "compressed": ([f"Content-Length: {len(ASK)}", "Content-Encoding: gzip"], ASK),
    "a header that nobody knows": ([f"Content-Length: {len(ASK)}", "X-Forward-To: http://evil.example"], ASK),
    "another coding beneath the chunks": (["Transfer-Encoding: gzip, chunked"], chunked(ASK)),
    "a length in hexadecimal": ([f"Content-Length: {len(ASK):#x}"], ASK),
    "a length behind the body": (["Transfer-Encoding: chunked"], chunked(ASK)[:-2] + b"Content-Length: 3\r\n\r\n"),
    "an extension that ends in a bare line feed": (["Transfer-Encoding: chunked"], b"5;a\nhello\r\n0\r\n\r\n"),
    "a chunk longer than can be": (["Transfer-Encoding: chunked"], b"F" * 17 + b"\r\nhello\r\n0\r\n\r\n"),
    "another charset": ([f"Content-Length: {len(ASK)}", "Content-Type: application/json; charset=utf-16"], ASK),
    "an upgrade": (["Content-Length: 0", "Connection: Upgrade", "Upgrade: websocket"], b""),
}


@pytest.mark.parametrize("how", SMUGGLED)
def test_a_request_that_two_readers_would_read_differently_is_refused(
    base_url: str, bank: Bank, upstream: Upstream, how: str
) -> None:
    """What follows on the connection is never taken for a request of its own that was let in."""
    bank.grant()
    lines, body = SMUGGLED[how]
    with connected(base_url) as raw:
        raw.sendall(head(bank, *lines) + body)
        first = answer(raw).split(b"\r\n")[0]
    assert first.split(b" ")[1] in (b"400", b"413", b"415"), first
    assert not upstream.bodies


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/1.2"])
def test_chunks_and_bodies_are_those_of_http_1_1(base_url: str, bank: Bank, upstream: Upstream, version: str) -> None:
    bank.grant()
    with connected(base_url) as raw:
        raw.sendall(head(bank, "Transfer-Encoding: chunked").replace(b"HTTP/1.1", version.encode()) + chunked(ASK))
        assert b" 400 " in answer(raw)[:20]
    assert not upstream.bodies


def test_a_target_has_no_fragment(base_url: str, bank: Bank, upstream: Upstream) -> None:
    bank.grant()
    with connected(base_url) as raw:
        raw.sendall(head(bank, f"Content-Length: {len(ASK)}", path="/v1/responses#x") + ASK)
        assert answer(raw).startswith(b"HTTP/1.1 400 ")
    assert not upstream.bodies


def test_who_expects_what_nobody_knows_hears_so_in_openais_shape(base_url: str, bank: Bank, upstream: Upstream) -> None:
    bank.grant()
    with connected(base_url) as raw:
        raw.sendall(head(bank, f"Content-Length: {len(ASK)}", "Expect: t0ps3cret"))
        heard = answer(raw)
        assert heard.startswith(b"HTTP/1.1 417 ")
        assert json.loads(heard.partition(b"\r\n\r\n")[2])["error"]["param"] == "expect"
    with connected(base_url) as raw:
        raw.sendall(head(bank, f"Content-Length: {len(ASK)}", "Expect: 100-continue"))
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(ASK)
        assert answer(raw).startswith(b"HTTP/1.1 200 ")


def test_characters_that_are_cut_between_chunks_stay_whole(base_url: str, bank: Bank, upstream: Upstream) -> None:
    bank.grant()
    body = json.dumps({"model": MODEL, "input": "山田さん🏦", "max_output_tokens": 10}, ensure_ascii=False).encode()
    with connected(base_url) as raw:
        raw.sendall(head(bank, "Transfer-Encoding: chunked"))
        for byte in body:
            raw.sendall(b"1\r\n%c\r\n" % byte)
        raw.sendall(b"0\r\n\r\n")
        assert "山田さん🏦".encode() in answer(raw)


def test_millions_of_tiny_values_are_refused_before_anybody_reads_them(
    base_url: str, bank: Bank, upstream: Upstream
) -> None:
    """Two megabytes of numbers took a minute and gigabytes, where a text of that length takes two seconds."""
    bank.grant()
    tool = {"type": "function", "name": "f", "parameters": {"enum": list(range(300_000))}}
    body = json.dumps({"model": MODEL, "input": "x", "tools": [tool]}).encode()
    with connected(base_url) as raw:
        raw.sendall(head(bank, f"Content-Length: {len(body)}") + body)
        heard = answer(raw)
    assert heard.startswith(b"HTTP/1.1 413 ")
    assert b"200,000 values" in heard
    assert not upstream.bodies


def test_bodies_that_never_end_do_not_fill_the_memory(
    bank: Bank, providers: Providers, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that come in time, and those of other institutions, have their room all the same."""
    monkeypatch.setattr(server, "Bodies", lambda: Bodies(most=6_000_000, most_of_one=3_000_000))
    bank.grant()
    with running(bank.database, bank.secrets, bank.ledger, providers) as url, ExitStack() as stack:
        refused = 0
        for _ in range(6):
            raw = stack.enter_context(connected(url))
            raw.sendall(head(bank, "Content-Length: 16000000"))
            with suppress(ConnectionError):
                raw.sendall(b" " * 900_000)
            raw.settimeout(0.3)
            with suppress(TimeoutError):
                refused += b" 503 " in raw.recv(65536)[:20]
        assert refused == 3
        with connected(url) as raw:
            raw.sendall(head(bank, f"Content-Length: {len(ASK)}") + ASK)
            assert answer(raw).startswith(b"HTTP/1.1 200 ")
        stack.close()
        for _ in range(100):
            with connected(url) as raw:
                raw.sendall(head(bank, "Content-Length: 2000000") + b" " * (2_000_000 - len(ASK)) + ASK)
                if b" 200 " in answer(raw)[:20]:
                    break
            time.sleep(0.05)
        else:
            pytest.fail("who is gone still holds room")


def test_what_follows_an_honest_body_is_a_request_of_its_own(base_url: str, bank: Bank, upstream: Upstream) -> None:
    bank.grant()
    whole = head(bank, f"Content-Length: {len(ASK)}") + ASK
    with connected(base_url) as raw:
        raw.sendall(whole + whole)
        heard = answer(raw)
        heard += answer(raw) if heard.count(b"HTTP/1.1 ") == 1 else b""
    assert heard.count(b"HTTP/1.1 200 OK") == 2
    assert len(upstream.bodies) == 2


def test_a_length_that_is_too_long_is_refused_before_the_body_comes(base_url: str, bank: Bank) -> None:
    bank.grant()
    with connected(base_url) as raw:
        raw.sendall(head(bank, f"Content-Length: {100 * 2**20}"))
        assert answer(raw).startswith(b"HTTP/1.1 413 ")


def test_chunks_without_end_are_refused_where_they_become_too_many(base_url: str, bank: Bank) -> None:
    bank.grant()
    piece = b"%x\r\n%s\r\n" % (2**20, b" " * 2**20)
    with connected(base_url) as raw:
        raw.sendall(head(bank, "Transfer-Encoding: chunked"))
        sent = 0
        try:
            for _ in range(200):
                raw.sendall(piece)
                sent += 1
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass
        assert b" 413 " in answer(raw)[:50] or sent < 200


def test_a_header_line_without_end_is_refused(base_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with connected(base_url) as raw:
        raw.sendall(b"GET /v1/models HTTP/1.1\r\nX-Request-Id: " + b"a" * 100_000 + b"\r\n\r\n")
        assert b" 400 " in answer(raw)[:20]
    assert not caplog.records, "strangers could fill the log"


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"t0ps3cret sk-saki-abc\r\n\r\n",
        b"POST /v1/responses?t0ps3cret HTTP/9.9\r\n\r\n",
        b"POST /v1/responses HTTP/1.1\r\nt0ps3cret\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nX-Request-Id: t0ps3cret" + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /v1/t0ps3cret\xff\xfe HTTP/1.1\r\n\r\n" + b"\0" * 100,
    ],
    ids=["tls", "ssh", "words", "version", "header", "length", "bytes"],
)
def test_what_is_no_http_is_told_so_in_openais_shape_and_not_repeated(
    base_url: str, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(base_url) as raw:
        raw.sendall(sent)
        heard = answer(raw)
    top, _, body = heard.partition(b"\r\n\r\n")
    assert top.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 4"))
    assert b"content-type: application/json" in top.lower()
    error = json.loads(body)["error"]
    assert error["type"] in ("invalid_request_error", "authentication_error")
    assert b"t0ps3cret" not in heard
    assert not caplog.records, "strangers could fill the log"


@pytest.mark.parametrize(
    "beginning", [b"", b"POST /v1/resp", b"POST /v1/responses HTTP/1.1\r\nHost: a\r\n"], ids=["nothing", "line", "head"]
)
def test_who_never_ends_a_head_is_hung_up_on(
    bank: Bank, providers: Providers, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    monkeypatch.setattr(serving, "_IDLE_SECONDS", 0.3)
    with (
        running(bank.database, bank.secrets, bank.ledger, providers) as url,
        connected(url) as raw,
    ):
        raw.sendall(beginning)
        began = time.monotonic()
        assert raw.recv(100) == b""
        assert time.monotonic() - began < 20


@pytest.mark.parametrize("part", ["head", "body"])
def test_who_sends_a_byte_now_and_then_wins_no_time(
    bank: Bank, providers: Providers, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """Slow loris: each byte in time, and the request never whole."""
    monkeypatch.setattr(serving, "_IDLE_SECONDS", 0.4)
    monkeypatch.setattr(arrival, "_SECONDS", 0.4)
    bank.grant()
    with running(bank.database, bank.secrets, bank.ledger, providers) as url, connected(url) as raw:
        began = time.monotonic()
        if part == "body":
            raw.sendall(head(bank, f"Content-Length: {len(ASK) * 1000}"))
        try:
            while time.monotonic() - began < 20:
                raw.sendall(b"POST /v1/" if part == "head" else b" ")
                raw.settimeout(0.05)
                try:
                    if b"HTTP/1.1 408" in (heard := raw.recv(1000)) or not heard:
                        break
                except TimeoutError:
                    continue
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() - began < 20
    assert not upstream.bodies


def test_a_name_that_stands_there_twice_is_read_once_and_as_it_leaves(
    base_url: str, bank: Bank, upstream: Upstream
) -> None:
    """What is checked is what leaves: no reader behind us sees the other one."""
    bank.grant()
    body = b'{"model": "gpt-5-other", "model": "%s", "input": "first", "input": "second"}' % MODEL.encode()
    with connected(base_url) as raw:
        raw.sendall(head(bank, f"Content-Length: {len(body)}") + body)
        assert answer(raw).startswith(b"HTTP/1.1 200 ")
    (left,) = upstream.bodies
    assert (left["model"], left["input"]) == (MODEL, "second")


def test_who_never_ends_a_body_hears_so(base_url: str, bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "_SECONDS", 0.3)
    bank.grant()
    with connected(base_url) as raw:
        raw.sendall(head(bank, f"Content-Length: {len(ASK)}") + ASK[:10])
        heard = answer(raw)
    assert heard.startswith(b"HTTP/1.1 408 ")
    assert b'"request_timeout"' in heard
    assert bank.entries()[-1].detail["code"] == "request_timeout"


def test_who_vanishes_within_a_body_harms_nobody(
    base_url: str, bank: Bank, client: OpenAI, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    bank.grant()
    for _ in range(20):
        with connected(base_url) as raw:
            raw.sendall(head(bank, f"Content-Length: {len(ASK)}") + ASK[:10])
    client.responses.create(model=MODEL, input="hi", max_output_tokens=10)
    assert len(upstream.bodies) == 1
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


@pytest.mark.parametrize(
    "name",
    [
        "gpt-5-mini\u200b",
        "ｇｐｔ-5-mini",
        "GPT-5-MINI",
        "gpt-5-mini ",
        "gpt-5-m\u0131ni",
        "gpt\u20115-mini",
        "gpt-5-mini\u0000",
        "../gpt-5-mini",
        "gpt-5-mini/../../admin",
        "gpt-5-mini?x=1",
        "",
        "x" * 100_000,
    ],
)
def test_a_model_is_named_exactly_as_it_is_granted_or_not_at_all(
    base_url: str, bank: Bank, upstream: Upstream, name: str
) -> None:
    bank.grant()
    body = json.dumps({"model": name, "input": "hi"}).encode()
    with connected(base_url) as raw:
        raw.sendall(head(bank, f"Content-Length: {len(body)}") + body)
        heard = answer(raw)
    assert heard.startswith(b"HTTP/1.1 403 ")
    assert b'"model_not_granted"' in heard
    assert not upstream.bodies


def test_a_key_of_another_institution_gets_only_what_that_one_is_granted(
    base_url: str, bank: Bank, upstream: Upstream
) -> None:
    """The key says whose call it is: nobody else's grant, budget or tokens count."""
    bank.grant()
    with bank.database.transaction("midori") as transaction:
        _, other = keys.issue(
            transaction, bank.secrets, name="test", scopes=("gateway", "structured"), clock=SystemClock()
        )
    with connected(base_url) as raw:
        asked = head(bank, f"Content-Length: {len(ASK)}").replace(bank.key.encode(), other.encode())
        raw.sendall(asked + ASK)
        heard = answer(raw)
    assert heard.startswith(b"HTTP/1.1 403 ")
    assert b'"no_grant"' in heard
    assert not upstream.bodies
    assert not bank.entries()
