"""What is told of an exception: its type and where it was raised. Its message only if it is ours.

Messages of others quote what they choked on: a line of a log, a header, a statement. A ``SakimoriError`` is one
sentence that was written to be shown.
"""

import re
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from sakimori.core import SakimoriError, plain

_LONGEST_MESSAGE = 500
_FRAMES = 8
"""Innermost frames that are told: enough to find the line, and bounded however deep a recursion was."""
_CAUSES = 4
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.<>]{0,127}")


def told(error: BaseException) -> dict[str, Any]:
    """``type``; ``at``: ``module:line``, innermost first; ``causes``: types of what led to it; ``message`` if ours."""
    fault: dict[str, Any] = {"type": _type(error), "at": list(_places(error.__traceback__))}
    if causes := [_type(cause) for cause in _causes(error)]:
        fault["causes"] = causes
    if isinstance(error, SakimoriError):
        fault["message"] = plain(str(error))[:_LONGEST_MESSAGE]
    return fault


def _places(traceback: TracebackType | None) -> Iterator[str]:
    frames: list[str] = []
    while traceback is not None:
        frames.append(f"{_named(traceback.tb_frame.f_globals.get('__name__'))}:{traceback.tb_lineno}")
        del frames[:-_FRAMES]
        traceback = traceback.tb_next
    return reversed(frames)


def _causes(error: BaseException) -> Iterator[BaseException]:
    for _ in range(_CAUSES):
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None:
            return
        yield cause
        error = cause


def _type(error: BaseException) -> str:
    return _named(type(error).__qualname__)


def _named(name: object) -> str:
    """Classes and modules can be made at run time, out of anything."""
    return name if isinstance(name, str) and _NAME.fullmatch(name) else "?"
