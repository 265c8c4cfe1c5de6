"""Log lines on standard error: JSON, one object a line; for a terminal, text.

This is where everything that logs ends up, other people's libraries too. Of their records the level, the logger, the
place and the type of an exception are written, and nothing of the message: it may quote what came over the network.
"""

import logging
import re
import sys
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any

import orjson

from sakimori.core import Nanos, plain, rfc3339
from sakimori.observe.event import Event, Level, log
from sakimori.observe.fault import told
from sakimori.observe.traces import ids

_NANOS_PER_MILLISECOND = 1_000_000
_OTHERS = "log.other"
"""The event of a record that is not ours."""
_LOGGER = re.compile(r"[A-Za-z0-9_.]{1,128}")


def to_standard_error() -> None:
    """From here on the process logs events from INFO, and what others log from WARNING.

    What nobody caught is a line like all others, because a traceback quotes the message.
    """
    set_up(sys.stderr, text=sys.stderr.isatty())


def set_up(stream: IO[str], *, text: bool) -> None:
    """The same on a stream. Handlers that were there before are taken away: they write what they are given."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    root.addHandler(Lines(stream, text=text))
    root.setLevel(Level.WARNING)
    logging.getLogger("sakimori").setLevel(Level.INFO)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _uncaught_in_thread


class Lines(logging.Handler):
    """Writes each record as one line. A stream that is closed or full is no reason to end what is told of."""

    def __init__(self, stream: IO[str], *, text: bool) -> None:
        super().__init__()
        self._stream = stream
        self._form = _text if text else _json

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._stream.write(self._form(record))
            self._stream.flush()
        except (OSError, ValueError):
            # There is nowhere left to say it; the standard handler would print the record itself.
            return


def _json(record: logging.LogRecord) -> str:
    standard: dict[str, Any] = {
        "time": rfc3339(_time(record)),
        "level": record.levelname.lower(),
        "logger": record.name if _LOGGER.fullmatch(record.name) else "?",
    }
    event, fields = _facts(record)
    line = {**standard, "event": event, **ids(), **fields}
    return orjson.dumps(line, default=lambda _value: None).decode() + "\n"


def _text(record: logging.LogRecord) -> str:
    if isinstance(record.msg, Event):
        said = str(record.msg)
    else:
        event, fields = _facts(record)
        error = f" {fields['error']['type']}" if "error" in fields else ""
        said = f"{event} {record.name} at={fields['at']}{error}"
    return f"{rfc3339(_time(record))} {record.levelname.lower()} {plain(said)}\n"


def _facts(record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
    message: object = record.msg
    if isinstance(message, Event):
        return message.id, message.fields()
    facts: dict[str, Any] = {"at": f"{record.module}:{record.lineno}"}
    if record.exc_info and (error := record.exc_info[1]) is not None:
        facts["error"] = told(error)
    return _OTHERS, facts


def _time(record: logging.LogRecord) -> Nanos:
    return int(record.created * 1000) * _NANOS_PER_MILLISECOND


@dataclass(frozen=True)
class _Uncaught(Event, id="process.uncaught", level=Level.CRITICAL):
    """A bug: an exception that nobody caught."""

    error: BaseException


def _uncaught(_type: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    log(_Uncaught(error))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        log(_Uncaught(args.exc_value))


def _unraisable(args: "sys.UnraisableHookArgs") -> None:
    if args.exc_value is not None:
        log(_Uncaught(args.exc_value))
