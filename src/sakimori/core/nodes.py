"""Reading YAML with the place of everything: each mistake is noted with its line and column, and reading goes on."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

import yaml

from sakimori.core import plain

T = TypeVar("T")
_SHOWN = 60
_DECIMAL = re.compile(r"[0-9]{1,13}(\.[0-9]{1,9})?")
_DEEPEST = 16
"""What our files need is 8."""


@dataclass
class Reader:
    """What was read so far of one file, as mistakes."""

    where: str
    """The file, as it is called in mistakes."""
    _mistakes: list[tuple[int, int, str]] = field(default_factory=list[tuple[int, int, str]])

    def mistake(self, node: yaml.Node, sentence: str) -> None:
        mark = node.start_mark
        self._mistakes.append((mark.line + 1, mark.column + 1, sentence))

    @property
    def mistakes(self) -> list[str]:
        """Those that were noted, in the order of the file."""
        return [f"{self.where}:{line}:{column}: {sentence}" for line, column, sentence in sorted(self._mistakes)]

    def members(
        self, node: yaml.Node, what: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
    ) -> Mapping[str, yaml.Node] | None:
        """The members of a mapping by name, those that are known; None where it is none or lacks one."""
        if not isinstance(node, yaml.MappingNode):
            self.mistake(node, f"expected {what} as a mapping")
            return None
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name not in required + optional:
                near = difflib.get_close_matches(name, required + optional, n=1)
                hint = f" (did you mean '{near[0]}'?)" if near else f": expected {', '.join(required + optional)}"
                self.mistake(key, f"{what} has no member '{shown(name)}'{hint}")
            elif name in found:
                self.mistake(key, f"'{name}' stands here twice: write it once")
            else:
                found[name] = value
        lacking = [name for name in required if name not in found]
        if lacking:
            self.mistake(node, f"{what} lacks {', '.join(lacking)}")
        return None if lacking else found

    def pairs(self, node: yaml.Node | None, what: str, read: Callable[[yaml.Node, str], T | None]) -> dict[str, T]:
        """A mapping of names that the file chooses to values."""
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            self.mistake(node, f"expected {what} as a mapping")
            return {}
        found: dict[str, T] = {}
        for key, value in node.value:
            name = self.text(key, f"a name in {what}")
            read_value = read(value, what)
            if name is not None and name in found:
                self.mistake(key, f"'{shown(name)}' stands here twice: write it once")
            elif name is not None and read_value is not None:
                found[name] = read_value
        return found

    def items(self, node: yaml.Node | None, what: str, read: Callable[[yaml.Node, str], T | None]) -> tuple[T, ...]:
        """A list of things; those that cannot be read are left out, since each was noted as a mistake."""
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self.mistake(node, f"expected a list: {what}")
            return ()
        read_items = (read(item, what) for item in node.value)
        return tuple(item for item in read_items if item is not None)

    def text(self, node: yaml.Node, what: str, *, longest: int = 200) -> str | None:
        """A scalar as it is written, whatever YAML would make of it: ``no`` is a name, ``2026-11-01`` a text."""
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            self.mistake(node, f"expected {what} as text")
            return None
        value: str = node.value
        if value != value.strip() or not value.isprintable() or len(value) > longest:
            self.mistake(node, f"{what} needs 1 to {longest} printable characters, without space around them")
            return None
        return value

    def number(self, node: yaml.Node, what: str, least: int, most: int) -> int | None:
        text = self.text(node, what)
        if text is None:
            return None
        digits = text.replace("_", "")
        # isascii: int() takes digits of every script.
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 20 and least <= int(digits) <= most):
            self.mistake(node, f"{what} must be a whole number from {least} to {most}, not '{shown(text)}'")
            return None
        return int(digits)

    def decimal(self, node: yaml.Node, what: str, most: int) -> Decimal | None:
        """A number that is not negative, exactly as it is written; ``_`` may group its digits."""
        text = self.text(node, what)
        if text is None:
            return None
        digits = text.replace("_", "")
        if not _DECIMAL.fullmatch(digits) or Decimal(digits) > most:
            self.mistake(node, f"{what} must be a number from 0 to {most}, such as 12.5, not '{shown(text)}'")
            return None
        return Decimal(digits)

    def top(self, text: str) -> yaml.Node | None:
        """The whole of a text as nodes; None where it is empty or no YAML, which is noted."""
        try:
            _refuse_unread(text)
            node = yaml.compose(text, Loader=yaml.CSafeLoader)
        except _Refused as error:
            self._mistakes.append((error.line, error.column, str(error)))
            return None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            reason = " ".join((error.problem or error.context or "it cannot be read").split())
            self._mistakes.append((line, column, f"this is no YAML: {shown(reason)}"))
            return None
        except yaml.YAMLError as error:
            self._mistakes.append((1, 1, f"this is no YAML: {shown(str(error))}"))
            return None
        if node is None:
            self._mistakes.append((1, 1, "the file is empty"))
        return node


def _refuse_unread(text: str) -> None:
    """Depth, since the parser recurses, and a file of brackets must not take the process down with it; and aliases, by
    which a few lines stand for any amount of work, and what is granted does not stand where it is granted.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(event, "anchors and aliases are not read: write out what is meant")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise _Refused(event, f"nested deeper than {_DEEPEST} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Refused(Exception):
    def __init__(self, event: yaml.Event, sentence: str) -> None:
        mark = event.start_mark
        self.line, self.column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        super().__init__(sentence)


def shown(text: str) -> str:
    """Text of the file as a mistake may repeat it."""
    return plain(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
