"""What Hyperscan looks for in place of a pattern of ``re``, and how far from its finds the pattern's matches can lie.

The pattern is read with Python's own parser, so that nothing is read in two ways. What is looked for matches wherever
the pattern does: where Hyperscan has no such thing (most look-arounds, references, classes of Unicode) it is wider.
It is also shorter: what may follow without limit at the end is left out, so that few ends are reported.
"""

from collections.abc import Iterator, Sequence
from importlib import import_module
from math import inf
from typing import Any, NamedTuple, cast

_parse: Any = import_module("re._parser").parse
"""CPython's; public under this name up to 3.10 only (``sre_parse``)."""
_Item = tuple[object, Any]
_MOST_COUNTED, _MOST_AT_END, _MOST_COUNTED_SIMPLE = 8, 12, 32
"""Longer repetitions (at the end; of one class) become endless ones: to count is what makes an automaton large."""
_ENDLESS = 1 << 31
NEAR = 64
_TELLING = 3
_SHORT = 4
"""Characters."""
_SLACK = 2
_ASCII = {
    "CATEGORY_DIGIT": r"0-9",
    "CATEGORY_NOT_DIGIT": r"\x00-\x2f\x3a-\x7f",
    "CATEGORY_SPACE": r"\x09-\x0d\x1c-\x20",
    "CATEGORY_NOT_SPACE": r"\x00-\x08\x0e-\x1b\x21-\x7f",
    "CATEGORY_WORD": r"0-9A-Z_a-z",
    "CATEGORY_NOT_WORD": r"\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f",
}
_BEYOND_ASCII = r"\x{80}-\x{10ffff}"
_ANY = rf"[\x00-\x7f{_BEYOND_ASCII}]"


class Reach(NamedTuple):
    """Where matches lie that belong to a find whose end is ``end``, in code points."""

    before: int | None
    """A match begins at most so many before ``end``, and never behind it. None: no bound."""
    after: int | None
    """What decides about a match lies at most so many behind ``end``. None: no bound."""
    in_line: bool
    """What has no bound ends where the line does, give or take ``NEAR``."""


class _Part(NamedTuple):
    text: str
    """For Hyperscan."""
    width: float
    """At most so many code points of the match or behind it."""


def looked_for(pattern: str, needs: str | None = None, within: int | None = None) -> tuple[bytes, Reach]:
    """The expression for Hyperscan (UTF-8, prefilter) and the reach of its finds.

    ``needs``: what to look for instead. It lies within every match, or in what the pattern looks ahead at;
    ``within``: it ends in the first so many code points of a match.

    Raises:
        re.error: this is no pattern.
        ValueError: it could match nothing at all, or has flags.
    """
    items = _items(pattern)
    found = _emit(_items(needs) if needs else items, head=True, tail=True)
    if not found.text:
        raise ValueError(f"a gate needs something to look for: {pattern!r}")
    whole = _extent(items)
    before = (found.width if not needs else whole if within is None else within) + _SLACK
    reach = Reach(_bound(before), _bound(whole + _SLACK), _stays_in_line(items))
    return found.text.encode("utf-8"), reach


def _bound(width: float) -> int | None:
    return int(width) if width < inf else None


def _items(pattern: str) -> Sequence[_Item]:
    parsed = _parse(pattern)
    if parsed.state.flags & ~32:  # re.UNICODE, which all have
        raise ValueError(f"a gate takes no flags: {pattern!r}")
    return _resolved(cast("Sequence[_Item]", parsed), {})


def _resolved(items: Sequence[_Item], groups: dict[int, Sequence[_Item]]) -> list[_Item]:
    """The items with groups in place of references to them. ``groups``: those before them, by their numbers."""
    resolved: list[_Item] = []
    for item in items:
        what, value = str(item[0]), item[1]
        match what:
            case "SUBPATTERN":
                inner = _resolved(value[3], groups)
                if value[0] is not None:
                    groups[value[0]] = inner
                resolved.append((item[0], (*value[:3], inner)))
            case "ATOMIC_GROUP":
                resolved.append((item[0], _resolved(value, groups)))
            case "BRANCH":
                resolved.append((item[0], (value[0], [_resolved(branch, groups) for branch in value[1]])))
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                resolved.append((item[0], (*value[:2], _resolved(value[2], groups))))
            case "ASSERT" | "ASSERT_NOT":
                resolved.append((item[0], (value[0], _resolved(value[1], groups))))
            case "GROUPREF":
                resolved.append((_SUBPATTERN, (None, 0, 0, groups[value])))
            case _:
                resolved.append(item)
    return resolved


def _emit(items: Sequence[_Item], *, head: bool, tail: bool) -> _Part:
    """``head``, ``tail``: nothing that consumes text stands before, or behind."""
    if tail:
        items = _shortened(items)
    first, beginning = _not_before(items) if head else (0, "")
    leading = _first_of_text(items) if head and not first else -1
    texts: list[str] = []
    width = 0.0
    for number in range(len(items) - 1, first - 1, -1):
        part = _emit_item(items[number], head=number == leading, tail=tail and not any(texts))
        texts.append(part.text)
        width += part.width
    return _Part(beginning + "".join(reversed(texts)), width + (first > 0))


def _not_before(items: Sequence[_Item]) -> tuple[int, str]:
    """``[a](?<![b][a])`` as something other than b, then a: how many items that takes, and the text."""
    if len(items) >= 2 and str(items[1][0]) == "ASSERT_NOT" and items[1][1][0] < 0:
        inner = cast("Sequence[_Item]", items[1][1][1])
        own = _one(items[0])
        if own and len(inner) == 2 and _one(inner[1]) == own and (other := _one(inner[0], negated=True)):
            return 2, f"(?:^|{other}){own}"
    return 0, ""


def _shortened(items: Sequence[_Item]) -> Sequence[_Item]:
    """The items up to the first that varies in length, if what stands before it tells enough: more makes Hyperscan's
    tables large, and the place is known."""
    literals = 0
    for number, item in enumerate(items):
        if literals >= _TELLING and _item_width(item) > _SHORT:
            return items[: number + 1]
        literals += _literals(item)
    return items


def _literals(item: _Item) -> int:
    """How many given letters whatever the item matches has at least. Each beyond ASCII tells as much as two."""
    what, value = str(item[0]), item[1]
    match what:
        case "LITERAL":
            return chr(value).isalnum() + (value >= 0x80)
        case "SUBPATTERN":
            return sum(map(_literals, value[3]))
        case "BRANCH":
            return min(sum(map(_literals, branch)) for branch in value[1])
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return value[0] * sum(map(_literals, value[2]))
        case _:
            return 0


def _first_of_text(items: Sequence[_Item]) -> int:
    """The number of the first item that is about the text before the rest: look-aheads are not."""
    for number, (what, value) in enumerate(items):
        if not (str(what) in ("ASSERT", "ASSERT_NOT") and value[0] > 0) and str(value) != "AT_BOUNDARY":
            return number
    return -1


def _emit_item(item: _Item, *, head: bool, tail: bool) -> _Part:
    what, value = str(item[0]), item[1]
    if one := _one(item):
        return _Part(one, 1)
    match what:
        case "SUBPATTERN":
            part = _emit(value[3], head=head, tail=tail)
            return _Part(f"(?:{part.text})" if part.text else "", part.width)
        case "ATOMIC_GROUP":
            return _emit_item((_SUBPATTERN, (None, 0, 0, value)), head=head, tail=tail)
        case "BRANCH":
            parts = [_emit(branch, head=head, tail=tail) for branch in value[1]]
            if not any(part.text for part in parts):
                return _Part("", max(part.width for part in parts))
            return _Part(f"(?:{'|'.join(part.text for part in parts)})", max(part.width for part in parts))
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _emit_repeat(*value, head=head, tail=tail)
        case "AT":
            text = {"AT_BEGINNING": "^", "AT_BEGINNING_STRING": "^", "AT_END": "$", "AT_END_STRING": "$"}
            return _Part(text.get(str(value), ""), 0)
        case "ASSERT" if value[0] < 0:
            return _Part(_emit(value[1], head=True, tail=False).text if head else "", 0)
        case "ASSERT":
            return _emit(value[1], head=False, tail=True) if tail else _Part("", 0)
        case "ASSERT_NOT" if value[0] < 0:
            others = _none_of(value[1]) if head else ""
            return _Part(f"(?:^|{others})" if others else "", 0)
        case "ASSERT_NOT":
            others = _none_of(value[1]) if tail else ""
            return _Part(f"(?:{others}|$)" if others else "", 1 if others else 0)
        case _:
            raise ValueError(f"a gate cannot have this in its pattern: {what}")


_SUBPATTERN = "SUBPATTERN"


def _emit_repeat(least: int, most: int, items: Sequence[_Item], *, head: bool, tail: bool) -> _Part:
    counted = _MOST_COUNTED_SIMPLE if len(items) == 1 and _one(items[0]) else _MOST_AT_END if tail else _MOST_COUNTED
    least = min(least, counted)
    if tail:
        most = least
    if most == 0:
        return _Part("", 0)
    once = least == most == 1
    part = _emit(items, head=head and once, tail=tail and once)
    if once or not part.text:
        return part
    width = inf if most >= _ENDLESS else part.width * most
    return _Part(f"(?:{part.text}){{{least},{most if most <= counted else ''}}}", width)


def _one(item: _Item, *, negated: bool = False) -> str:
    """The class of an item that matches exactly one code point (``negated``: of all others); empty if it does not."""
    what, value = str(item[0]), item[1]
    match what:
        case "LITERAL":
            return f"[^{_code(value)}]" if negated else _code(value)
        case "NOT_LITERAL":
            return _code(value) if negated else f"[^{_code(value)}]"
        case "ANY":
            return r"\n" if negated else r"[^\n]"
        case "IN":
            is_negated = str(value[0][0]) == "NEGATE"
            members = "".join(_member(member, wide=is_negated == negated) for member in value[is_negated:])
            if not members:
                return _ANY
            return f"[{'' if is_negated == negated else '^'}{members}]"
        case _:
            return ""


def _member(member: _Item, *, wide: bool) -> str:
    what, value = str(member[0]), member[1]
    if what == "LITERAL":
        return _code(value)
    if what == "RANGE":
        return f"{_code(value[0])}-{_code(value[1])}"
    return _ASCII[str(value)] + (_BEYOND_ASCII if wide else "")


def _code(code: int) -> str:
    return chr(code) if chr(code).isalnum() and code < 0x80 else rf"\x{{{code:x}}}"


def _none_of(items: Sequence[_Item]) -> str:
    """One code point that none of the alternatives of a look-around matches by itself; empty if that says nothing."""
    branches = cast("Sequence[Sequence[_Item]]", items[0][1][1] if _is_branch(items) else [items])
    if len(branches) == 1:
        return _one(branches[0][0], negated=True) if len(branches[0]) == 1 else ""
    members = ""
    for branch in branches:
        if len(branch) == 1 and str(branch[0][0]) == "LITERAL":
            members += _code(branch[0][1])
        elif len(branch) == 1 and str(branch[0][0]) == "IN" and str(branch[0][1][0][0]) != "NEGATE":
            members += "".join(_member(member, wide=False) for member in branch[0][1])
    return f"[^{members}]" if members else ""


def _is_branch(items: Sequence[_Item]) -> bool:
    return len(items) == 1 and str(items[0][0]) == "BRANCH"


def _width(items: Sequence[_Item]) -> float:
    """How many code points these match at most."""
    return sum(_item_width(item) for item in items)


def _item_width(item: _Item) -> float:
    what, value = str(item[0]), item[1]
    if _one(item):
        return 1
    match what:
        case "SUBPATTERN":
            return _width(value[3])
        case "ATOMIC_GROUP":
            return _width(value)
        case "BRANCH":
            return max(map(_width, value[1]))
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            width = _width(value[2])
            return 0 if not width else inf if value[1] >= _ENDLESS else width * value[1]
        case _:
            return 0


def _extent(items: Sequence[_Item]) -> float:
    """How far from their beginning these look at most, with what they look ahead at."""
    position = furthest = 0.0
    for item in items:
        furthest = max(furthest, position + _looks_ahead(item))
        position += _item_width(item)
    return max(furthest, position)


def _looks_ahead(item: _Item) -> float:
    what, value = str(item[0]), item[1]
    match what:
        case "ASSERT" | "ASSERT_NOT":
            return _extent(value[1]) if value[0] > 0 else 0
        case "SUBPATTERN":
            return _extent(value[3])
        case "BRANCH":
            return max(map(_extent, value[1]))
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _item_width(item) + _extent(value[2])
        case _:
            return _item_width(item)


def _stays_in_line(items: Sequence[_Item]) -> bool:
    """Whether no match has a line feed in it, nor is decided by what lies more than a few code points beyond one."""
    for item in _everything(items):
        what, value = str(item[0]), item[1]
        if what in ("ASSERT", "ASSERT_NOT"):
            if value[0] > 0 and _extent(value[1]) > NEAR and not _stays_in_line(value[1]):
                return False
        elif _one(item) and _may_be_line_feed(item):
            return False
    return True


def _everything(items: Sequence[_Item]) -> Iterator[_Item]:
    """The items and those within them, but not within look-arounds."""
    for item in items:
        yield item
        what, value = str(item[0]), item[1]
        match what:
            case "SUBPATTERN":
                yield from _everything(value[3])
            case "ATOMIC_GROUP":
                yield from _everything(value)
            case "BRANCH":
                for branch in value[1]:
                    yield from _everything(branch)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                yield from _everything(value[2])
            case _:
                pass


def _may_be_line_feed(item: _Item) -> bool:
    what, value = str(item[0]), item[1]
    match what:
        case "LITERAL":
            return value == 10
        case "NOT_LITERAL":
            return value != 10
        case "IN":
            is_negated = str(value[0][0]) == "NEGATE"
            return is_negated != any(_has_line_feed(member) for member in value[is_negated:])
        case _:
            return False


def _has_line_feed(member: _Item) -> bool:
    what, value = str(member[0]), member[1]
    if what == "LITERAL":
        return value == 10
    if what == "RANGE":
        return value[0] <= 10 <= value[1]
    return str(value) in ("CATEGORY_SPACE", "CATEGORY_NOT_DIGIT", "CATEGORY_NOT_WORD")
