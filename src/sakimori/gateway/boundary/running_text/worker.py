"""What a worker process of name recognition does: spaCy models, segments in, entities out.

``ja_ginza`` (Megagon Labs; labels of Sekine's extended named entity hierarchy) reads every segment with Japanese
letters; an English model, where one is installed, every other one with at least a word. Without one ``ja_ginza`` reads
those too, and what it says of them is trimmed (see ``stand_in``).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.resources import files
from multiprocessing.connection import Connection
from typing import NamedTuple, Protocol, cast

import yaml

from sakimori.gateway.boundary.running_text.stand_in import name_within
from sakimori.gateway.boundary.span import Kind

JAPANESE_MODEL = "ja_ginza"
_JAPANESE = re.compile(r"[\u3041-\u30ff\u3400-\u9fff々]")
_WORD = re.compile(r"[^\W\d_]{2}")
_NOT_NEEDED = ("parser", "morphologizer", "compound_splitter", "bunsetu_recognizer", "tagger", "lemmatizer")


class Entity(NamedTuple):
    """A name in a text, in its code points."""

    start: int
    end: int
    kind: Kind


class _Found(Protocol):
    start_char: int
    end_char: int
    label_: str


class _Document(Protocol):
    ents: tuple[_Found, ...]


class _Model(Protocol):
    def pipe(self, texts: Iterable[str]) -> Iterator[_Document]: ...


def work(connection: Connection, models: tuple[str, ...]) -> None:
    """Answer batches of segments until the other side is gone. A failure is told by its type, never with its text."""
    japanese, english = _load(models)
    kinds = _kinds()
    connection.send("ready")
    while True:
        try:
            batch = cast("list[str]", connection.recv())
        except EOFError:
            return
        try:
            answer: object = _recognise(batch, japanese, english, kinds)
        except Exception as error:  # noqa: BLE001 - whatever a model raises is told, and the call refused
            answer = type(error).__name__
        connection.send(answer)


def _load(models: tuple[str, ...]) -> tuple[_Model, _Model]:
    import spacy  # an extra; only here, in a process of its own

    load = cast("Callable[..., _Model]", spacy.load)  # pyright: ignore[reportUnknownMemberType]
    japanese = load(JAPANESE_MODEL, exclude=list(_NOT_NEEDED))
    others = [model for model in models if model != JAPANESE_MODEL]
    return japanese, load(others[0], exclude=list(_NOT_NEEDED)) if others else japanese


def _kinds() -> Mapping[str, Kind]:
    text = files("sakimori").joinpath("content/boundary/model-labels.yaml").read_text("utf-8")
    labels = cast("dict[str, list[str]]", yaml.safe_load(text))
    return {label: Kind(kind) for kind, listed in labels.items() for label in listed}


def _recognise(
    batch: list[str], japanese: _Model, english: _Model, kinds: Mapping[str, Kind]
) -> list[tuple[Entity, ...]]:
    found: list[tuple[Entity, ...]] = [()] * len(batch)
    for model, concerns in ((japanese, _is_japanese), (english, _is_other)):
        numbers = [number for number, text in enumerate(batch) if concerns(text)]
        stands_in = model is japanese and concerns is _is_other
        for number, document in zip(numbers, model.pipe(batch[number] for number in numbers), strict=True):
            entities = (
                Entity(entity.start_char, entity.end_char, kind)
                for entity in document.ents
                if (kind := kinds.get(entity.label_)) is not None
            )
            found[number] = tuple(_kept(batch[number], entities) if stands_in else entities)
    return found


def _kept(text: str, entities: Iterable[Entity]) -> Iterator[Entity]:
    for entity in entities:
        within = name_within(text, entity.start, entity.end)
        if within is not None:
            yield entity._replace(start=within[0], end=within[1])


def _is_japanese(text: str) -> bool:
    return _JAPANESE.search(text) is not None


def _is_other(text: str) -> bool:
    return not _is_japanese(text) and _WORD.search(text) is not None
