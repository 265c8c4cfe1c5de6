"""How command groups list their commands."""

import click

_LONGEST_SENTENCE = 200


class Group(click.Group):
    """Lists each command with its whole sentence: click's own list cuts them off."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(_LONGEST_SENTENCE)) for name, command in commands if command]
            )
