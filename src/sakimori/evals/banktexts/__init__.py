"""Labelled bank texts: letters, tickets, chat, logs, mails, JSON, forms in Japanese and English, from templates.

Two sets that share no template and no pool of values: ``tuning`` for those who write rules, ``evaluation`` to measure
them on. Everything is made up; numbers with check digits have right ones, so that rules can be strict.
"""

import random
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Literal

import yaml

from sakimori.evals.banktexts.values import Values
from sakimori.evals.boundary import Found, Labelled

Part = Literal["tuning", "evaluation"]

_SLOT = re.compile(r"\{\{|\}\}|\{([a-z0-9_]+)\}")


def templates(part: Part) -> list[str]:
    text = files("sakimori.evals.banktexts").joinpath(f"{part}.yaml").read_text("utf-8")
    return [str(template) for template in yaml.safe_load(text)]


def bank_texts(part: Part, count: int, *, seed: int = 7) -> Iterator[Labelled]:
    """``count`` texts, going round all templates; the same seed gives the same texts."""
    chance = random.Random(f"{part} {seed}")  # noqa: S311 (made-up data, repeatable)
    values = Values(part, chance)
    every = templates(part)
    for number in range(count):
        yield _filled(every[number % len(every)], values)


def _filled(template: str, values: Values) -> Labelled:
    pieces: list[str] = []
    spans: list[Found] = []
    position = length = 0
    for slot in _SLOT.finditer(template):
        before = template[position : slot.start()]
        pieces.append(before)
        length += len(before)
        position = slot.end()
        if slot[1] is None:
            pieces.append(slot[0][0])
            length += 1
            continue
        label, value = values.make(slot[1])
        if label:
            spans.append((length, length + len(value), label))
        pieces.append(value)
        length += len(value)
    pieces.append(template[position:])
    return Labelled("".join(pieces), tuple(spans))
