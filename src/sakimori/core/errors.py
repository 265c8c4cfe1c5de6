"""The errors a user can cause, and the exit codes they end in."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What ``sakimori`` answers to the shell (documented in docs/cli.md)."""

    OK = 0
    """Done, nothing was wrong."""
    FOUND = 1
    """Done, and what was asked about is so: a check failed, a threshold was reached."""
    USAGE = 2
    """The command line makes no sense (click's own code)."""
    INPUT = 3
    """Some input could not be used; what could be was, and the rest is listed."""
    ENVIRONMENT = 4
    """The machine said no: a full disk, a missing permission, a database that is gone."""
    DENIED = 5
    """A key, a grant or a policy said no."""
    PROVIDER = 6
    """A model provider or another outside system did not answer usefully."""
    INTERRUPTED = 130
    """Ctrl-C: stopped safely, what was finished is kept."""


class SakimoriError(Exception):
    """One sentence that says what, where and what to do. Printed as one line; a traceback is for bugs."""

    exit_code: ExitCode = ExitCode.ENVIRONMENT


class InputError(SakimoriError):
    """Something the user handed in cannot be used."""

    exit_code = ExitCode.INPUT
