"""The part of google-re2 that Sakimori uses."""

from typing import Any

class Options:
    log_errors: bool

class error(Exception): ...

def compile(pattern: str, options: Options | None = None) -> Any: ...
