"""How commands talk: results to standard output, progress to standard error, and nothing in them paints a terminal."""

from collections.abc import Iterator
from typing import IO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.theme import Theme

from sakimori.core import plain

_WIDE = 180
_THEME = Theme(
    {
        "severity.critical": "bold white on red",
        "severity.high": "bold red",
        "severity.medium": "yellow",
        "severity.low": "cyan",
        "severity.informational": "dim",
    }
)


class _PlainConsole(Console):
    """Whatever is printed, texts show themselves and nothing else: log lines carry what attackers wrote.

    Rich's own control codes stay. Where a text has to stay on one line, who prints it calls ``plain``.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(plain(text, keep="\n"), style)


def results(file: IO[str] | None = None) -> Console:
    """Standard output, or ``file``."""
    return _wide(_PlainConsole(theme=_THEME, highlight=False, file=file))


def progress() -> Console:
    return _wide(_PlainConsole(theme=_THEME, highlight=False, stderr=True))


def _wide(console: Console) -> Console:
    """Where there is no terminal, lines need not fit one."""
    if not console.is_terminal:
        console.width = _WIDE
    return console
