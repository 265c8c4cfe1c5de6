"""How commands are declared: each under the right without which it does nothing, and listed with its whole sentence."""

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # `sakimori --help` asks nobody
    from sakimori.access.rights import Right

_LONGEST_SENTENCE = 200


class Command(click.Command):
    """``@group.command(right=Right.X)``: asked before the command's own first line runs.

    Who runs it is the context's object then, which ``@click.pass_obj`` hands to the command as a ``Principal``.
    Commands without a right touch nothing of the institution: tests/cli/test_rights.py names them all.
    """

    def __init__(self, *args: Any, right: "Right | None" = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.right = right

    def invoke(self, ctx: click.Context) -> Any:
        """Raises Denied, SignInError or ProviderError (see ``acting.allowed``) in place of running."""
        if self.right is not None:
            from sakimori.cli.acting import asked

            ctx.obj = asked(self.right)
        return super().invoke(ctx)


class Group(click.Group):
    """Lists each command with its whole sentence: click's own list cuts them off."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(_LONGEST_SENTENCE)) for name, command in commands if command]
            )
