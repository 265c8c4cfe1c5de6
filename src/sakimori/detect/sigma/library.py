"""From rule files to a plan, compiled once: the plan is kept under a digest of everything that it was made from."""

import hashlib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from sakimori.core import InputError
from sakimori.detect.sigma.placeholders import Placeholders
from sakimori.detect.sigma.plan import Plan, from_json, to_json
from sakimori.detect.sigma.scan import write_atomically

_FORMAT = "sakimori.sigma-plan/3"
"""Raise when the plan's JSON form, or what compiling makes of a rule, changes."""


def load_plan(paths: Iterable[Path], cache_dir: Path | None, placeholders: Placeholders | None = None) -> Plan:
    """The plan of all rules in the files and folders; with ``cache_dir``, from there if they are unchanged.

    Raises:
        InputError: a path that does not exist or cannot be read.
    """
    try:
        contents = [(path, path.read_bytes()) for path in rule_files(paths)]
    except OSError as error:
        raise InputError(f"{error.filename}: rule file cannot be read: {error.strerror}") from error
    if cache_dir is None:
        return _compiled(contents, placeholders)
    kept = cache_dir / f"plan-{_digest(contents, placeholders)}.json"
    try:
        return from_json(kept.read_bytes())
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # absent or damaged: make it anew
        plan = _compiled(contents, placeholders)
        write_atomically(kept, to_json(plan))
        return plan


def rule_files(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, and all ``.yml``/``.yaml`` files below the folders, in order of their names.

    Raises:
        InputError: a path that does not exist.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            below = (entry for entry in path.rglob("*") if entry.suffix.lower() in (".yml", ".yaml"))
            found.update(dict.fromkeys(sorted(entry for entry in below if entry.is_file())))
        elif path.is_file():
            found[path] = None
        else:
            raise InputError(f"{path}: no such rule file or folder")
    return list(found)


def _compiled(contents: Iterable[tuple[Path, bytes]], placeholders: Placeholders | None) -> Plan:
    # Imported here because pySigma takes half a second to load, which a warm start does not need.
    from sakimori.detect.sigma.compile import compile_plan
    from sakimori.detect.sigma.load import parse_file

    return compile_plan((item for path, data in contents for item in parse_file(path, data)), placeholders)


def _digest(contents: Iterable[tuple[Path, bytes]], placeholders: Placeholders | None) -> str:
    digest = hashlib.blake2b(f"{_FORMAT} {version('pysigma')}\n".encode(), digest_size=16)
    digest.update(repr(sorted((placeholders or {}).items())).encode("utf-8", "surrogatepass"))
    for path, data in contents:
        name = str(path).encode("utf-8", "surrogateescape")
        digest.update(b"%d %d\n" % (len(name), len(data)) + name + data)
    return digest.hexdigest()
