"""Rule files as nobody should write them: real and generated rules, changed in structure and in text."""

import copy
import random
from collections.abc import Mapping, Sequence
from typing import Any, cast

import yaml

_MODIFIERS = [
    "contains", "startswith", "endswith", "all", "base64", "base64offset", "wide", "utf16", "utf16be", "utf16le", "re",
    "windash", "i", "m", "s", "cidr", "expand", "fieldref", "lt", "lte", "gt", "gte", "neq", "exists", "cased",
    "minute", "hour", "day", "week", "month", "year", "contians",
]  # fmt: skip
_FIELDS = ["Image", "CommandLine", "EventID", "Threat Name", "a.b[0].c", "", "防人", "x|y", "%f%", "\u202e", "F" * 300]
_VALUES: list[Any] = [
    None, True, False, 0, -1, 1 << 70, 10**400, 0.1, float("nan"), float("inf"), "", "*", "?", "\\", "\\\\*", "%x%",
    "%", "a*b?c", "Ａｂ", "ß", "\0", "\x7f", "x" * 5000, "(a+)+$", "(?=a)b", "[", "a{1,9999}", "\\1", "(?i)x",
    "10.0.0.0/8", "::/0", "10.0.0.0/99", "2026-11-22T01:02:03Z", [], {}, [[]], [None], ["a", 1, None],
    {"a": {"b": "c"}}, "3", "1e5",
]  # fmt: skip
_SOURCES = [{"product": "windows"}, {"category": "process_creation"}, {"product": "test", "service": "log"}]
_CONDITIONS = [
    "selection", "not selection", "1 of them", "all of them", "any of sel*", "1 of nothing*", "selection and",
    "(selection", "not not not selection", "selection | count() > 3", "2 of them", "all of selection", "", "()", "them",
    "selection and selection or not selection", " and ".join(["selection"] * 300), "(" * 200 + "selection" + ")" * 200,
]  # fmt: skip
_CORRELATIONS = [
    "event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_percentile",
    "value_median", "chained",
]  # fmt: skip
_OPERATORS = ["gt", "gte", "lt", "lte", "eq", "neq", "field", "percentile", "x"]


def rule_file(random_: random.Random, real: Sequence[bytes]) -> bytes:
    """One rule file."""
    documents = [_document(random_, real) for _ in range(random_.choice((1, 1, 1, 2, 3)))]
    if random_.random() < 0.2:
        documents += [_rule(random_), _correlation(random_)]
    for _ in range(random_.randrange(4)):
        _change(random_, documents)
    try:
        data = yaml.safe_dump_all(documents, allow_unicode=True, sort_keys=False).encode("utf-8", "surrogatepass")
    except (yaml.YAMLError, RecursionError):  # a value that YAML cannot say
        data = repr(documents).encode("utf-8", "surrogatepass")
    return _damaged(random_, data) if random_.random() < 0.3 else data


def _document(random_: random.Random, real: Sequence[bytes]) -> Any:
    if real and random_.random() < 0.5:
        return yaml.safe_load(random_.choice(real))
    return _rule(random_)


def _rule(random_: random.Random) -> Any:
    rule: dict[str, Any] = {
        "title": "generated",
        "id": f"00000000-0000-4000-8000-{random_.randrange(4):012}",
        "name": "base",
        "level": _mostly(random_, "high", "enormous", None),
        "status": _mostly(random_, "test", "odd"),
        "tags": _mostly(random_, ["attack.execution", "attack.t1059.001"], ["x"], None),
        "logsource": random_.choice(
            ({"product": "windows"}, {"category": "process_creation"}, {}, {"product": "test"})
        ),
        "detection": {
            "selection": _detection(random_),
            "sel2": _detection(random_),
            "condition": random_.choice(_CONDITIONS[:3]),
        },
    }
    if random_.random() < 0.1:
        rule["filter"] = {"rules": random_.choice((["base"], "any", [])), **rule["detection"]}
        del rule["detection"]
    return rule


def _detection(random_: random.Random) -> Any:
    if random_.random() < 0.15:
        return [random_.choice(_VALUES) for _ in range(random_.randrange(4))]
    made = {_key(random_): random_.choice(_VALUES) for _ in range(random_.randrange(1, 4))}
    return made if random_.random() < 0.8 else [made, {_key(random_): ["x", random_.choice(_VALUES)]}]


def _key(random_: random.Random) -> str:
    modifiers = random_.choices(_MODIFIERS, k=random_.choice((0, 0, 1, 1, 2, 3)))
    return "|".join((random_.choice(_FIELDS), *modifiers))


def _mostly(random_: random.Random, usual: object, *others: object) -> object:
    return random_.choice(others) if random_.random() < 0.1 else usual


def _correlation(random_: random.Random) -> dict[str, Any]:
    bounds = random_.sample(_OPERATORS, random_.randrange(1, 4))
    odd = {bound: random_.choice((2, 3, "x", -1, 1 << 70, None, "F", ["F"], 0.5)) for bound in bounds}
    return {
        "title": "together",
        "name": "together",
        "correlation": {
            "type": random_.choice(_CORRELATIONS),
            "rules": _mostly(random_, ["base"], "base", ["base", "together"], [], ["nothing"], None),
            "group-by": _mostly(random_, ["User"], "User", [], None, [1]),
            "timespan": _mostly(random_, "5m", "1h", "0s", "-1m", "5", "9" * 30 + "d", None, 5),
            "condition": random_.choice(({"gte": 2}, {"gte": 1, "lte": 3, "field": "User"}, {"gt": 0.5}, odd)),
            "aliases": _mostly(random_, {}, {"a": {"base": "User"}}, {"a": "b"}, None),
            "generate": _mostly(random_, True, False, "x"),
        },
    }


def _places(node: Any, depth: int = 0) -> list[tuple[Any, Any]]:
    """(container, key or index) of everything within."""
    found: list[tuple[Any, Any]] = []
    if isinstance(node, dict) and depth < 20:
        keyed = cast("Mapping[Any, Any]", node)
        for key in keyed:
            found += [(keyed, key), *_places(keyed[key], depth + 1)]
    elif isinstance(node, list) and depth < 20:
        items = cast("list[Any]", node)
        for index, item in enumerate(items):
            found += [(items, index), *_places(item, depth + 1)]
    return found


def _change(random_: random.Random, documents: list[Any]) -> None:
    places = _places(documents)
    container, key = random_.choice(places)
    match random_.randrange(6):
        case 0:
            container[key] = copy.deepcopy(random_.choice(_VALUES))
        case 1:
            other, name = random_.choice(places)
            container[key] = copy.deepcopy(other[name])
        case 2:
            del container[key]
        case 3 if isinstance(container, dict):
            renamed = cast("dict[Any, Any]", container)
            renamed[f"{key}|{random_.choice(_MODIFIERS)}"] = renamed.pop(key)
        case 4 if isinstance(container, dict):
            cast("dict[Any, Any]", container)["condition"] = random_.choice(_CONDITIONS)
        case _:
            container[key] = [container[key], copy.deepcopy(random_.choice(_VALUES))]
    if not documents:
        documents.append(None)


def _damaged(random_: random.Random, data: bytes) -> bytes:
    """The text cut, doubled, and with bytes changed."""
    lines = data.split(b"\n")
    at = random_.randrange(len(lines))
    match random_.randrange(4):
        case 0:
            lines[at] = lines[at] * 2
        case 1:
            del lines[at]
        case 2:
            lines[at] = b"  " + lines[at]
        case _:
            changed = bytearray(data)
            for _ in range(random_.randrange(1, 6)):
                changed[random_.randrange(len(changed))] = random_.randrange(256)
            return bytes(changed)
    return b"\n".join(lines)
