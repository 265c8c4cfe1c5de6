"""Documents in the words that pySigma reads as the specification means them.

Where pySigma drops, misreads or lets through what a document says, the document is put into other words of the same
meaning, or refused, before pySigma sees it.
"""

import difflib
import re
from collections.abc import Callable
from typing import Any, cast

PERCENT = "_percent"
"""The placeholder that stands for a percent sign that is no placeholder's."""

_ENCODERS = ("base64", "base64offset", "wide", "utf16", "utf16be", "fieldref")
_ESCAPED_PERCENT = re.compile(r"(?<!\\)((?:\\\\)*)\\%")
_OTHER_DASHES = re.compile(r"\B[\u2013\u2014\u2015]\b")
_CORRELATION = ("type", "rules", "group-by", "timespan", "condition", "aliases", "generate")


def detection(section: object) -> object:
    """A ``detection`` section. Raises TypeError or ValueError where it cannot mean anything."""
    if not isinstance(section, dict):
        return section
    parts = cast("dict[object, object]", section)
    _check_texts("'condition'", parts.get("condition", ""))
    return {_text(name): _selection(part) for name, part in parts.items()}


def global_filter(section: object) -> object:
    """A ``filter`` section. Raises TypeError or ValueError where it cannot mean anything."""
    if not isinstance(section, dict):
        return section
    parts = cast("dict[object, object]", section)
    if parts.get("rules") == []:  # which pySigma takes for all rules
        raise ValueError("'rules' is empty: name the rules, or write 'rules: any' for all of the log source")
    return {_text(name): part if name == "rules" else _selection(part) for name, part in parts.items()}


def correlation(plain: dict[str, Any]) -> dict[str, Any]:
    """A document with a ``correlation`` section. Raises TypeError or ValueError where it cannot mean anything."""
    if not isinstance(plain["correlation"], dict):
        return plain
    section = cast("dict[str, Any]", plain["correlation"])
    for name in section:
        if name not in _CORRELATION:
            close = difflib.get_close_matches(str(name), _CORRELATION, n=1)
            meant = f" (did you mean '{close[0]}'?)" if close else ""
            raise ValueError(f"correlation has an unknown member '{name}'{meant}")
    if not isinstance(grouping := section.get("group-by"), dict):
        _check_texts("'group-by'", grouping or [])
    if isinstance(aliases := section.get("aliases"), dict):
        for alias, names in cast("dict[object, object]", aliases).items():
            if isinstance(names, dict):
                for field in cast("dict[object, object]", names).values():
                    if not isinstance(field, str):
                        raise TypeError(f"alias '{alias}' needs the name of one field for each rule")
    if "generate" in plain and "generate" not in section:  # which is where the specification has it
        section = {**section, "generate": plain["generate"]}
    condition: object = section.get("condition")
    if isinstance(condition, dict) and condition:  # pySigma knows conditions of one comparison only
        field = cast("dict[str, Any]", condition).get("field")
        section = {**section, "condition": {"gte": 1, "field": field}}
    return {**plain, "correlation": section}


def _check_texts(what: str, given: object) -> None:
    entries = cast("list[object]", given) if isinstance(given, list) else [given]
    if not all(isinstance(entry, str) for entry in entries):
        raise TypeError(f"{what} must be a text, or a list of texts")


def _text(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the name '{name}' is no text: put it in quotes")
    return name


def _selection(plain: object) -> object:
    return [_items(part) for part in cast("list[object]", plain)] if isinstance(plain, list) else _items(plain)


def _items(plain: object) -> object:
    if not isinstance(plain, dict):
        return plain
    made: dict[str, object] = {}
    for name, given in cast("dict[object, object]", plain).items():
        own, value = _item(_text(name), given)
        if own in made:
            raise ValueError(f"'{name}' is there twice, in other words: make one list of the values")
        made[own] = value
    return made


def _item(name: str, value: object) -> tuple[str, object]:
    field, *given = name.split("|")
    modifiers = ["wide" if modifier == "utf16le" else modifier for modifier in given]
    if "cased" in modifiers:  # pySigma forgets it over modifiers that make a new text
        modifiers = [*(modifier for modifier in modifiers if modifier != "cased"), "cased"]
    if "expand" in modifiers:
        for encoder in _ENCODERS:
            if encoder in modifiers:
                raise ValueError(f"modifier '{encoder}' cannot be used with 'expand': write the values out")
        value = _each(value, lambda text: _ESCAPED_PERCENT.sub(rf"\1%{PERCENT}%", text))
    if "windash" in modifiers:  # pySigma replaces the others but does not look for them
        value = _each(value, lambda text: _OTHER_DASHES.sub("-", text))
    if "re" in modifiers:  # which is searched for, where pySigma leaves it to the query language
        for place, pattern in (("startswith", r"\A(?:{})"), ("endswith", r"(?:{})\z")):
            if place in modifiers:
                modifiers.remove(place)
                value = _each(value, pattern.format)
    return "|".join((field, *modifiers)), value


def _each(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, list):
        return [_each(element, change) for element in cast("list[object]", value)]
    return change(value) if isinstance(value, str) else value
