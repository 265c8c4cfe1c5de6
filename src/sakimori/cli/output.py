"""How commands talk: results to standard output, progress to standard error."""

from typing import IO

from rich.console import Console
from rich.theme import Theme

from sakimori.records import Severity

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


def results(file: IO[str] | None = None) -> Console:
    """Standard output, or ``file``."""
    return _wide(Console(theme=_THEME, highlight=False, file=file))


def progress() -> Console:
    return _wide(Console(theme=_THEME, highlight=False, stderr=True))


def _wide(console: Console) -> Console:
    """Where there is no terminal, lines need not fit one."""
    if not console.is_terminal:
        console.width = _WIDE
    return console


def severity_mark(severity: Severity) -> str:
    """Rich markup for a severity: the word, coloured."""
    return f"[severity.{severity.label}]{severity.label}[/]"
