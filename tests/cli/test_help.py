"""What ``sakimori --help`` tells a newcomer."""

import re

import click
import pytest
from click.testing import CliRunner

from sakimori.cli import cli

_CONTEXT = click.Context(cli)
_GROUPS = [name for name in cli.list_commands(_CONTEXT) if isinstance(cli.get_command(_CONTEXT, name), click.Group)]


@pytest.mark.parametrize("group", [[], *([name] for name in _GROUPS)], ids=str)
def test_every_listed_command_is_one_whole_sentence(group: list[str]) -> None:
    text = CliRunner().invoke(cli, [*group, "--help"]).stdout
    entries = re.split(r"\n  (?=[a-z])", text.split("Commands:")[1])[1:]
    assert entries
    for entry in entries:
        sentence = " ".join(entry.split()[1:])
        assert re.fullmatch(r"[A-Z][^.]*(\.[a-z][^.]*)*\.", sentence), entry


def test_every_subcommand_and_option_group_says_what_it_does() -> None:
    for name in cli.list_commands(_CONTEXT):
        command = cli.get_command(_CONTEXT, name)
        assert command
        assert command.help
        if isinstance(command, click.Group):
            assert command.commands
            assert all(item.help and item.help.strip().endswith(".") for item in command.commands.values()), name
