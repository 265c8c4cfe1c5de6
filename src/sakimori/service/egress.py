"""What left the bank, or would leave it, beside how it stands in the bank: for people to look at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sakimori.gateway import Boundary, Dictionary, Passage, tokens_key
from sakimori.gateway.boundary.tokens import TOKEN_LIKE
from sakimori.records import Inventory
from sakimori.service.installation import Installation
from sakimori.share import EgressSample

_Spans = tuple[tuple[int, int, str], ...]


@dataclass(slots=True)
class Departures:
    """Calls that left through a gateway: the longest of them, as it stood and as it left."""

    count: int = 0
    original: str = ""
    sent: str = ""

    def note(self, _endpoint: str, original: object, sent: object) -> None:
        self.count += 1
        if len(text := _readable(sent)) > len(self.sent):
            self.original, self.sent = _readable(original), text

    def sample(self, *, model: str | None) -> EgressSample:
        """``model``: the one that gave a usable answer, None where none did."""
        return _sample(self.original, self.sent, model=model, requests=self.count)


def would_leave(install: Installation, inventory: Inventory, text: str) -> EgressSample:
    """``text`` and what the gateway would make of it; nothing is sent."""
    with install.database.snapshot(install.tenant) as snapshot:
        key = tokens_key(snapshot, install.secrets)
    sent = Passage(Boundary(install.tenant, key, Dictionary.of(inventory))).send(text)
    return _sample(text, sent, model=None, requests=0)


def _sample(original: str, sent: str, *, model: str | None, requests: int) -> EgressSample:
    spans, tokens = _aligned(original, sent)
    return EgressSample(original=original, tokenised=sent, spans=spans, tokens=tokens, model=model, requests=requests)


def _aligned(original: str, sent: str) -> tuple[_Spans, _Spans]:
    """Where the replaced parts stand in ``original``, and their tokens in ``sent``; between them both are the same."""
    spans: list[tuple[int, int, str]] = []
    tokens: list[tuple[int, int, str]] = []
    matches = list(TOKEN_LIKE.finditer(sent))
    if not matches:
        return (), ()
    at = matches[0].start()
    for match, after in zip(matches, [*matches[1:], None], strict=True):
        between = sent[match.end() : after.start() if after else len(sent)]
        end = original.find(between, at + 1) if between and after else len(original) - len(between)
        if end < 0:
            break
        spans.append((at, end, match[1]))
        tokens.append((match.start(), match.end(), match[1]))
        at = end + len(between)
    return tuple(spans), tuple(tokens)


def _readable(body: object) -> str:
    """The texts of a Responses request, in order."""
    return "\n\n".join(_texts(cast("Mapping[str, Any]", body))) if isinstance(body, Mapping) else ""


def _texts(body: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(instructions := body.get("instructions"), str):
        yield instructions
    given = body.get("input")
    for item in [given] if isinstance(given, str) else cast("list[Any]", given or []):
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            yield from _item_texts(cast("Mapping[str, Any]", item))


def _item_texts(item: Mapping[str, Any]) -> Iterator[str]:
    for member in ("content", "arguments", "output"):
        value = item.get(member)
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            parts = cast("list[dict[str, Any]]", value)
            yield from (part["text"] for part in parts if isinstance(part.get("text"), str))
