"""The ``sakimori`` command: one file per command, each of which is one sentence in ``--help``."""

import errno
import importlib
import os
import sys
from typing import cast

import click

from sakimori.cli.database_option import database_option
from sakimori.cli.group import Group
from sakimori.core import ExitCode, SakimoriError, plain

_COMMANDS = {
    "access": "sakimori.cli.access:access",
    "alerts": "sakimori.cli.alerts:alerts",
    "approvals": "sakimori.cli.approvals:approvals",
    "boundary": "sakimori.cli.boundary:boundary",
    "db": "sakimori.cli.db:db",
    "demo": "sakimori.cli.demo:demo",
    "drill": "sakimori.cli.drill:drill",
    "egress": "sakimori.cli.egress:egress",
    "events": "sakimori.cli.events:events",
    "gateway": "sakimori.cli.gateway:gateway",
    "grants": "sakimori.cli.grants:grants",
    "incidents": "sakimori.cli.incidents:incidents",
    "keys": "sakimori.cli.keys:keys",
    "ledger": "sakimori.cli.ledger:ledger",
    "login": "sakimori.cli.login:login",
    "logout": "sakimori.cli.login:logout",
    "oversight": "sakimori.cli.oversight:oversight",
    "programme": "sakimori.cli.programme:programme",
    "providers": "sakimori.cli.providers:providers",
    "rules": "sakimori.cli.rules:rules",
    "runs": "sakimori.cli.responses:runs",
    "scan": "sakimori.cli.scan:scan",
    "secrets": "sakimori.cli.secrets:secrets",
    "usage": "sakimori.cli.usage:usage",
    "whoami": "sakimori.cli.login:whoami",
}


class _LazyGroup(Group):
    """Imports a command's module only when it is asked for: ``sakimori ledger verify`` needs no detection engine."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        return cast("click.Command", getattr(importlib.import_module(module), attribute))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="sakimori")
@database_option
def cli() -> None:
    """Sakimori 防人: find attacks in a bank's telemetry, investigate, contain, and prove what was done."""


def main() -> None:
    """Run the command line; whatever goes wrong ends in one sentence and a documented exit code (docs/cli.md)."""
    os.environ.setdefault(
        "OPENBLAS_NUM_THREADS", "1"
    )  # its threads cost a third of a start, and nothing here uses them
    os.umask(0o077)  # what is written here tells of attacks and people: it is for this user alone
    try:
        code = cli(standalone_mode=False)
    except click.exceptions.Abort:
        code = _complain("interrupted", ExitCode.INTERRUPTED)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except KeyboardInterrupt:
        code = _complain("interrupted", ExitCode.INTERRUPTED)
    except SakimoriError as error:
        code = _complain(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of our output went away (`| head`); keep the interpreter from flushing into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.OK
    except OSError as error:
        code = _complain(_explain(error), ExitCode.ENVIRONMENT)
    sys.exit(code or ExitCode.OK)


def _explain(error: OSError) -> str:
    where = error.filename or "the disk"
    if error.errno == errno.ENOSPC:
        return f"no space left writing {where}: free some and run the command again (nothing half-written is kept)"
    return f"{where}: {error.strerror or error}"


def _complain(sentence: str, code: ExitCode) -> ExitCode:
    click.echo(f"sakimori: {plain(sentence)}", err=True)
    return code
