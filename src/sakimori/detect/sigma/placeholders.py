"""Values for ``expand``: an institution's own lists, from a YAML file of names and values."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import yaml

from sakimori.core import InputError

Placeholders = Mapping[str, tuple[str, ...]]
"""Name, without percent signs → values, in which ``*`` and ``?`` are wildcards. No values: nothing is meant."""


def read_placeholders(path: Path) -> Placeholders:
    """Read ``name: [value, …]`` or ``name: value``.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    try:
        plain: object = yaml.safe_load(path.read_text("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: placeholder values cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        line = error.problem_mark.line + 1 if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark else 1
        raise InputError(f"{path}:{line}: not valid YAML in UTF-8: write 'name: [value, …]'") from error
    if plain is None:
        return {}
    if not isinstance(plain, dict):
        raise InputError(f"{path}: placeholder values must be a mapping: write 'name: [value, …]'")
    return {
        _name(path, name): _values(path, name, given) for name, given in cast("dict[object, object]", plain).items()
    }


def _name(path: Path, name: object) -> str:
    if not isinstance(name, str) or not name:
        raise InputError(f"{path}: the name of placeholder {name!r} is no text: put it in quotes")
    return name.strip("%")


def _values(path: Path, name: object, given: object) -> tuple[str, ...]:
    values = cast("list[object]", given) if isinstance(given, list) else [given]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise InputError(f"{path}: placeholder '{name}' has a value that is no text or number: put it in quotes")
    return tuple(str(value) for value in values)
