"""What ``sakimori --help`` tells a newcomer."""

import re

import click
from click.testing import CliRunner

from sakimori.cli import cli


def test_every_command_is_one_whole_sentence() -> None:
    text = CliRunner().invoke(cli, ["--help"]).stdout
    entries = re.split(r"\n  (?=[a-z])", text.split("Commands:")[1])[1:]
    assert len(entries) == 10
    for entry in entries:
        sentence = " ".join(entry.split()[1:])
        assert re.fullmatch(r"[A-Z][^.]*(\.[a-z][^.]*)*\.", sentence), entry


def test_every_subcommand_and_option_group_says_what_it_does() -> None:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command
        assert command.help
        if isinstance(command, click.Group):
            assert command.commands
            assert all(item.help and item.help.strip().endswith(".") for item in command.commands.values()), name
