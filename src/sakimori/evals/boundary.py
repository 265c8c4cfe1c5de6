"""How much would leave in clear: a boundary measured on labelled texts.

``evaluate(texts, find)`` compares what ``find`` says with what people labelled. The headline is
``Evaluation.leaked``: the share of all labelled characters that no found span covers, whatever the types. Readers for
the public corpora take what they label as it is, every type of it.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sakimori.core import InputError

Found = tuple[int, int, str]
"""Start and end in code points, and what it is called."""


@dataclass(frozen=True, slots=True)
class Labelled:
    text: str
    spans: tuple[Found, ...]


@dataclass(slots=True)
class TypeScore:
    """Counts for one type of label. Characters are those that are not white space."""

    spans: int = 0
    touched: int = 0
    """Spans of which something was found."""
    whole: int = 0
    """Spans of which everything was found."""
    characters: int = 0
    covered: int = 0

    @property
    def recall(self) -> float:
        return self.whole / self.spans if self.spans else 1.0

    @property
    def overlap_recall(self) -> float:
        return self.touched / self.spans if self.spans else 1.0

    @property
    def leaked(self) -> float:
        return 1 - self.covered / self.characters if self.characters else 0.0


@dataclass(slots=True)
class Evaluation:
    types: dict[str, TypeScore] = field(default_factory=dict[str, TypeScore])
    """By type of label."""
    claims: Counter[str] = field(default_factory=Counter[str])
    """Found spans by kind."""
    right: Counter[str] = field(default_factory=Counter[str])
    """Of those, the ones that touch a label."""
    characters: int = 0
    """Of all texts, without white space."""
    claimed_characters: int = 0
    right_characters: int = 0

    @property
    def leaked(self) -> float:
        """Share of labelled characters that would leave in clear."""
        labelled = sum(score.characters for score in self.types.values())
        return 1 - sum(score.covered for score in self.types.values()) / labelled if labelled else 0.0

    @property
    def precision(self) -> float:
        """Share of found spans that touch a label."""
        return self.right.total() / self.claims.total() if self.claims else 1.0

    @property
    def recall(self) -> float:
        """Share of labelled spans of which something was found."""
        spans = sum(score.spans for score in self.types.values())
        return sum(score.touched for score in self.types.values()) / spans if spans else 1.0

    def add(self, labelled: Labelled, found: Sequence[Found]) -> None:
        """Count one text, in which ``found`` was found."""
        text = labelled.text
        visible = bytearray(not character.isspace() for character in text)
        clear = _clear(text, found)
        wanted = bytearray(len(text))
        for start, end, what in labelled.spans:
            wanted[start:end] = b"\1" * (end - start)
            score = self.types.setdefault(what, TypeScore())
            characters = sum(visible[start:end])
            covered = characters - sum(clear[start:end])
            score.spans += 1
            score.touched += covered > 0
            score.whole += covered == characters
            score.characters += characters
            score.covered += covered
        for start, end, kind in found:
            self.claims[kind] += 1
            self.right[kind] += any(wanted[start:end])
        self.characters += sum(visible)
        self.claimed_characters += sum(visible) - sum(clear)
        self.right_characters += sum(
            seen and not open and label for seen, open, label in zip(visible, clear, wanted, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Leak:
    """A labelled span of which something would leave in clear."""

    text: str
    start: int
    end: int
    label: str
    characters: int
    """That would leave, without white space."""


def leaks(labelled: Labelled, found: Sequence[Found]) -> list[Leak]:
    """What of a text would leave that must not, in the order of the labels."""
    clear = _clear(labelled.text, found)
    counted = ((*span, sum(clear[span[0] : span[1]])) for span in labelled.spans)
    return [Leak(labelled.text, start, end, label, left) for start, end, label, left in counted if left]


def _clear(text: str, found: Sequence[Found]) -> bytearray:
    """1 for every visible character that no found span covers."""
    clear = bytearray(not character.isspace() for character in text)
    for start, end, _ in found:
        clear[start:end] = bytes(end - start)
    return clear


def evaluate(texts: Iterable[Labelled], find: Callable[[str], Sequence[Found]]) -> Evaluation:
    evaluation = Evaluation()
    for labelled in texts:
        evaluation.add(labelled, find(labelled.text))
    return evaluation


def read_labelled(path: Path) -> Iterator[Labelled]:
    """Labelled texts from a file: ner-ja (stockmark), presidio-research, or lines ``{"text", "spans"}``.

    Raises:
        InputError: the file holds none of the three.
    """
    try:
        content = path.read_text("utf-8")
        records = (
            json.loads(content)
            if content.lstrip()[:1] == "["
            else [json.loads(line) for line in content.splitlines() if line.strip()]
        )
        yield from (_labelled(record) for record in cast("list[dict[str, Any]]", records))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            f"{path}: no labelled texts ({type(error).__name__}); expected ner-ja or presidio-research JSON, "
            'or lines {"text": ..., "spans": [[start, end, type], ...]}'
        ) from error


def _labelled(record: dict[str, Any]) -> Labelled:
    if "full_text" in record:
        spans = [(s["start_position"], s["end_position"], str(s["entity_type"])) for s in record["spans"]]
        return Labelled(record["full_text"], tuple(spans))
    if "entities" in record:
        return Labelled(record["text"], tuple((*e["span"], str(e["type"])) for e in record["entities"]))
    return Labelled(record["text"], tuple((int(s[0]), int(s[1]), str(s[2])) for s in record["spans"]))
