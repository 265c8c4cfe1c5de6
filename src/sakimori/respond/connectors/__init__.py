"""Connectors: typed commands in, effects in one outside system out. One file per system.

A connector is idempotent under its key and can say, at any time and without changing anything, whether an effect is in
force. That is what makes a response survivable: after a crash the journal knows what was begun, the connector what is.
"""

from typing import Protocol

from sakimori.core import ExitCode, SakimoriError
from sakimori.records import Action, Command, Effect, Entity


class ConnectorRefused(SakimoriError):
    """The outside system said no: the effect did not happen."""

    exit_code = ExitCode.PROVIDER


class ConnectorUnreachable(SakimoriError):
    """No usable answer: the effect may have happened or not."""

    exit_code = ExitCode.PROVIDER


class Connector(Protocol):
    """The way to one outside system."""

    @property
    def name(self) -> str:
        """As actions and configuration call it."""
        ...

    def reaches(self, command: Command, target: Entity) -> bool:
        """Whether it can do this to that. Asks nobody."""
        ...

    async def apply(self, action: Action, *, key: str) -> str:
        """Do it, once per ``key`` however often it is asked. Returns one sentence: what happened.

        Raises:
            ConnectorRefused: it did not happen and will not.
            ConnectorUnreachable: nobody knows.
        """
        ...

    async def observe(self, action: Action) -> Effect:
        """Whether the action's effect is in force. Never raises for the outside world's sake: that is ``UNKNOWN``."""
        ...
