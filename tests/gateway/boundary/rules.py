"""What rules make of a text, with no dictionary."""

from sakimori.gateway.boundary import Boundary, Dictionary, Passage

BOUNDARY = Boundary("aozora", b"k" * 32, Dictionary())


def sent(text: str) -> str:
    """What leaves, with tokens."""
    return Passage(BOUNDARY).send(text)


def left(text: str) -> str:
    """What leaves, with a ``*`` for each part that does not."""
    for span in reversed(BOUNDARY.find(text)[1]):
        text = text[: span.start] + "*" + text[span.end :]
    return text


def hidden(text: str) -> list[str]:
    """The parts that do not leave."""
    return [text[span.start : span.end] for span in BOUNDARY.find(text)[1]]


def is_hidden(part: str, text: str) -> bool:
    """Whether all of a part stands within one that does not leave."""
    return any(part in found for found in hidden(text))
