"""What left the bank, or would leave it, beside how it stands in the bank: for people to look at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sakimori.gateway import Boundary, Dictionary, Passage, tokens_key
from sakimori.gateway.boundary.fold import fold
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
    folded = fold(sent)
    found = [
        (*folded.original(match.start(), match.end()), match[1].upper()) for match in TOKEN_LIKE.finditer(folded.text)
    ]
    shift = 0
    for (start, stop, kind), (following, _, _) in zip(found, [*found[1:], (len(sent), 0, "")], strict=False):
        between = sent[stop:following]
        at = start + shift
        last = following == len(sent)
        end = len(original) - len(between) if last else original.find(between, at + 1)
        if end < at:
            break
        spans.append((at, end, kind))
        tokens.append((start, stop, kind))
        shift = end - stop
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
