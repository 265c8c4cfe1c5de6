"""Passages through the boundary: one call's texts out, and its answer back.

A passage proves each text that it lets out: the places where a reader of tokens finds one must be exactly the places
where one was put, so that restoring gives the input again. Where neighbouring characters spoil that, the replaced part
grows to take them in.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import cast

from sakimori.core import ExitCode, SakimoriError
from sakimori.gateway.boundary import memory
from sakimori.gateway.boundary.detectors import RULES, Detector
from sakimori.gateway.boundary.detectors.labels.labelled import detect_member
from sakimori.gateway.boundary.detectors.search.gates import Gate, forget
from sakimori.gateway.boundary.detectors.systems.secrets import holds_secret
from sakimori.gateway.boundary.detectors.systems.settings import detect_named
from sakimori.gateway.boundary.dictionary import Dictionary, DictionaryDetector
from sakimori.gateway.boundary.fold import Folded, fold, joins_words
from sakimori.gateway.boundary.jsontext import is_json_text, map_strings
from sakimori.gateway.boundary.lane import Lane, may_hold_token
from sakimori.gateway.boundary.running_text import (
    Recogniser,
    detect_names,
    detect_repeated,
    detect_small_names,
    names_nobody,
)
from sakimori.gateway.boundary.seam import across, ending
from sakimori.gateway.boundary.span import Hit, Kind, Span, merge
from sakimori.gateway.boundary.tokens import CODE, TOKEN_LIKE, Minter, token_at, token_places

_SHORT, _MOST_SHORT = 256, 2_048
"""Code points of texts that are kept as they are, and how many of them. Of longer ones only what was found is."""
_LONG = 50_000
_THEMSELVES = frozenset({Kind.SECRET, Kind.QUOTED})


class BoundaryError(SakimoriError):
    """A text could not be made safe: nothing of its request may be sent."""

    exit_code = ExitCode.DENIED


@dataclass(frozen=True, slots=True)
class Tokenised:
    text: str
    spans: tuple[Span, ...]
    """What was replaced, in code points of the input, in order, not overlapping."""
    tokens: tuple[str, ...] = ()
    """By what, for each span."""


_TOKEN_LIKE = Gate(TOKEN_LIKE.pattern, needs=CODE)


def detect_token_like(folded: Folded) -> Iterator[Hit]:
    """Text that a restorer would take for a token: ours or not, it goes out as a token of its own."""
    for match in _TOKEN_LIKE.finditer(folded.text):
        yield Hit(match.start(), match.end(), Kind.QUOTED, "token-like", match[0])


class Boundary:
    """An institution's detectors and tokens. Immutable and shared by all its calls, from any thread."""

    def __init__(
        self,
        tenant: str,
        key: bytes,
        dictionary: Dictionary,
        *,
        lists: Detector | None = None,
        recogniser: Recogniser | None = None,
    ) -> None:
        """``key``: 32 random bytes of the institution; with another key every token is another."""
        self.tenant = tenant
        self._recogniser = recogniser
        self.minter = Minter(key)
        self._detectors: tuple[tuple[str, Detector], ...] = (
            ("dictionary", DictionaryDetector(dictionary)),
            *RULES,
            ("token-like", detect_token_like),
        )
        # Names of members and what describes tools are in call after call.
        self._found_in_short = lru_cache(_MOST_SHORT)(self._found)
        self._digest_key = os.urandom(32)
        if lists is not None:
            self._detectors += (("lists", lists),)
        self._in_running_text: tuple[tuple[str, Detector], ...] = (("name-small", detect_small_names),)
        if recogniser is not None:
            self._in_running_text += (("models", self._recognise),)

    @property
    def recognises_names(self) -> bool:
        """Whether models look for names in running text: what the data class ``free_text`` requires."""
        return self._recogniser is not None

    def tokenise(self, text: str) -> Tokenised:
        """One text on its own, plain and running: what ``sakimori boundary check`` shows."""
        return Passage(self, running_text=True).tokenise(text)

    def restore(self, text: str, tokens: Mapping[str, str]) -> str:
        """Put back the values of ``tokens`` (a passage's ``tokens``) in a text that was changed on its way."""
        return Passage(self, known=tokens).restore(text)

    def find(
        self, text: str, *, running_text: bool = False, name: str | None = None, before: Folded | None = None
    ) -> tuple[Folded, list[Span], dict[int, Hit]]:
        """The merged spans of a text, and by start of the span the claim that decides it.

        ``name``: of the JSON member whose value the text is; it labels what no form tells.
        ``before``: what the text follows, where an identifier may go on from there.
        ``running_text``: names are looked for in it as people write them, not only in the fields of programs.

        Raises:
            BoundaryError: a detector failed.
        """
        is_short = len(text) <= _SHORT and len(name or "") <= _SHORT
        folded, found = self._found_in_short(text, name) if is_short else self._found_in_long(text, name)
        hits = list(found)
        others: tuple[tuple[str, Detector], ...] = ()
        if before is not None:
            others += (("seam", partial(across, before=before)),)
        if running_text:
            # The last two go on from what all others found.
            others += (
                *self._in_running_text,
                ("morphology", partial(detect_names, claims=hits)),
                ("repeated", partial(detect_repeated, claims=hits)),
            )
        for detector in others:
            hits += _claimed(folded, *detector)
        if folded.starts is not None:
            hits = [Hit(*folded.original(hit.start, hit.end), hit.kind, hit.detector, hit.value) for hit in hits]
        return (folded, *merge(hits))

    def _found_in_long(self, text: str, name: str | None) -> tuple[Folded, tuple[Hit, ...]]:
        whole = f"{len(name or '')} {name or ''}{text}".encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(whole, key=self._digest_key, digest_size=32).digest()
        known = memory.SHARED.recall(digest)
        if known is not None:
            return fold(text), known
        folded, found = self._found(text, name)
        memory.SHARED.keep(digest, found)
        return folded, found

    def _found(self, text: str, name: str | None) -> tuple[Folded, tuple[Hit, ...]]:
        """What depends on nothing but a text and the name of its member."""
        folded = fold(text)
        detectors = self._detectors
        if name:
            # First: what a name tells is closer than what the value looks like.
            detectors = (
                ("label", partial(detect_member, fold(name).text)),
                ("setting", partial(detect_named, fold(name).cased)),
                *detectors,
            )
        found = tuple(hit for detector in detectors for hit in _claimed(folded, *detector))
        if len(text) > _LONG:
            forget()
        return folded, found

    def _recognise(self, folded: Folded) -> Iterator[Hit]:
        """Names by the models. Raises RecogniserError."""
        assert self._recogniser is not None  # this is a detector only where there is one
        for start, end, kind in self._recogniser.find(self.tenant, folded.cased):
            if not names_nobody(folded.text[start:end]):
                yield Hit(start, end, kind, "models", folded.text[start:end])


def _claimed(folded: Folded, name: str, detector: Detector) -> list[Hit]:
    """Raises BoundaryError where the detector fails."""
    try:
        return list(detector(folded))
    except SakimoriError as error:
        raise BoundaryError(f"boundary: {error}") from error
    except Exception as error:
        message = f"boundary: detector {name} failed ({type(error).__name__}), so nothing was sent; report this"
        raise BoundaryError(message) from error


class Passage:
    """The boundary's memory of one call. Not shared between calls: only what went out comes back."""

    def __init__(
        self,
        boundary: Boundary,
        *,
        running_text: bool = False,
        taken: Collection[str] = (),
        known: Mapping[str, str] | None = None,
    ) -> None:
        """``running_text``: texts are written by people, so that names are looked for (see ``Boundary.find``).
        ``taken``: tokens that the institution's vault holds for other values; they are not used."""
        self._boundary = boundary
        self._running_text = running_text
        self._taken = frozenset(taken)
        self._by_value: dict[tuple[Kind, str, str], str] = {}
        self.tokens: dict[str, str] = dict(known or {})
        """Token to the text it stands for, of everything that went out."""
        self.replaced: Counter[tuple[Kind, str]] = Counter()
        """How many spans of each kind and detector went out as tokens."""
        self._before: Folded | None = None
        """What the next text of the request follows."""
        self.restored = 0
        """How many tokens were put back."""
        self.invented: set[str] = set()
        """Token-like texts in answers that never went out: left as they are."""

    def tokenise(self, text: str, *, name: str | None = None) -> Tokenised:
        """A plain text. ``name``: of the JSON member whose value it is.

        Raises:
            BoundaryError: a detector failed, or no proof was found that the text comes back whole.
        """
        folded, spans, deciding = self._boundary.find(
            text, running_text=self._running_text, name=name, before=self._before
        )
        last = spans[-1].kind if spans and spans[-1].end == len(text) else None
        self._before = ending(self._before, folded, last=last)
        if not spans:
            return Tokenised(text, ())
        # What makes two spellings one thing; secrets and quoted tokens are only ever themselves.
        values = [text[start:end] if kind in _THEMSELVES else deciding[start].value for start, end, kind, _ in spans]
        output, places = self._replace(text, spans, values)
        if _token_places(output) != places:
            spans = _widened(text, spans)
            values = [text[span.start : span.end] for span in spans]
            output, places = self._replace(text, spans, values)
            if _token_places(output) != places:
                raise BoundaryError(
                    "boundary: a text could not be tokenised so that it comes back, so nothing was sent"
                )
        self.replaced.update((span.kind, span.detector) for span in spans)
        return Tokenised(output, tuple(spans), tuple(output[start:end] for start, end in places))

    def restore(self, text: str) -> str:
        """A plain text: each token that went out becomes what it stood for."""
        return "".join(self._restored_pieces(text))

    def send(self, text: str) -> str:
        """A text of a request: JSON is tokenised inside its strings, whatever their escapes; the rest as plain text."""
        if is_json_text(text):
            return map_strings(text, self._send_member)
        return self.tokenise(text).text

    def receive(self, text: str, *, json: bool = False) -> str:
        """A text of an answer that is there at once, restored as a lane would have said it in pieces: whole answers say
        what streams do. ``json``: as of ``lane``."""
        if not may_hold_token(text):
            return text
        lane = self.lane(json=json)
        return lane.feed(text) + lane.flush()

    def lane(self, *, json: bool) -> Lane:
        """A text of an answer that comes in pieces. ``json``: it is known to be JSON, such as a tool's arguments."""
        return Lane(self, is_json=json)

    def send_value(self, value: object, name: str = "") -> object:
        """A JSON value: every string and key, and numbers that are identifiers (they go out as strings)."""
        if isinstance(value, dict):
            members = cast("dict[str, object]", value)
            return {self._send_name(key): self.send_value(member, key) for key, member in members.items()}
        if isinstance(value, list):
            return [self.send_value(element, name) for element in cast("list[object]", value)]
        if isinstance(value, str):
            return self._send_member(value, name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = str(value)
            sent = self._apart(lambda: self._send_member(number, name))
            return value if sent == number else sent
        return value

    def _send_member(self, text: str, name: str | None) -> str:
        """The text of a JSON string or number; ``name`` is that of the member it belongs to, None for a key itself."""
        if name is None:
            return self._send_name(text)
        if name and holds_secret(fold(name).cased, fold(text).text):
            self.replaced[Kind.SECRET, "secret-member"] += 1
            return self._token(Kind.SECRET, text, text)
        return self.send(text) if is_json_text(text) else self.tokenise(text, name=name).text

    def _send_name(self, name: str) -> str:
        """The name of a JSON member."""
        return self._apart(lambda: self.send(name))

    def _apart(self, send: Callable[[], str]) -> str:
        """What stands before names of members and numbers goes on behind them, not in them."""
        before, self._before = self._before, None
        sent = send()
        self._before = before
        return sent

    def _replace(self, text: str, spans: list[Span], values: list[str]) -> tuple[str, list[tuple[int, int]]]:
        pieces: list[str] = []
        places: list[tuple[int, int]] = []
        position = length = 0
        known = self._by_value
        for (start, end, kind, _), value in zip(spans, values, strict=True):
            spelling = text[start:end]
            token = known.get((kind, value, spelling)) or self._new_token(kind, value, spelling)
            length += start - position
            places.append((length, length + len(token)))
            length += len(token)
            pieces += (text[position:start], token)
            position = end
        pieces.append(text[position:])
        return "".join(pieces), places

    def _token(self, kind: Kind, value: str, spelling: str) -> str:
        return self._by_value.get((kind, value, spelling)) or self._new_token(kind, value, spelling)

    def _new_token(self, kind: Kind, value: str, spelling: str) -> str:
        attempt = 0
        token = self._boundary.minter.token(kind, value, spelling, attempt=attempt)
        while token in self._taken or self.tokens.get(token, spelling) != spelling:
            attempt += 1
            token = self._boundary.minter.token(kind, value, spelling, attempt=attempt)
        self._by_value[kind, value, spelling] = token
        self.tokens[token] = spelling
        return token

    def _restored_pieces(self, text: str) -> Iterator[str]:
        folded = fold(text)
        position = 0
        for begin, end in token_places(folded.text):
            token = token_at(folded.text, begin, end)
            value = self.tokens.get(token)
            if value is None:
                self.invented.add(token)
                continue
            start, end = folded.original(begin, end)
            self.restored += 1
            yield text[position:start]
            yield value
            position = end
        yield text[position:]


def _token_places(text: str) -> list[tuple[int, int]]:
    folded = fold(text)
    places = list(token_places(folded.text))
    return places if folded.starts is None else [folded.original(*place) for place in places]


def _widened(text: str, spans: list[Span]) -> list[Span]:
    """Each span with the word characters that touch it; spans that now touch each other become one."""
    wide: list[Span] = []
    for span in spans:
        start, end = span.start, span.end
        while start > 0 and joins_words(text[start - 1]):
            start -= 1
        while end < len(text) and joins_words(text[end]):
            end += 1
        if wide and start <= wide[-1].end:
            wide[-1] = wide[-1]._replace(end=max(end, wide[-1].end))
        else:
            wide.append(span._replace(start=start, end=end))
    return wide
