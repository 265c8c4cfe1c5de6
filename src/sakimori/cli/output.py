"""How commands talk: results to standard output, progress to standard error."""

from typing import IO

from rich.console import Console
from rich.theme import Theme

from sakimori.records import Severity

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
    return Console(theme=_THEME, highlight=False, file=file)


def progress() -> Console:
    return Console(theme=_THEME, highlight=False, stderr=True)


def severity_mark(severity: Severity) -> str:
    """Rich markup for a severity: the word, coloured."""
    return f"[severity.{severity.label}]{severity.label}[/]"
