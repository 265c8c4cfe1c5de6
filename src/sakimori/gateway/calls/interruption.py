"""Breaking off: the part of a call that waits for others can be ended from outside, and the rest goes on."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from sakimori.gateway.refusal import Refusal


class BrokenOff(Exception):
    """The call was broken off where it waited."""

    def __init__(self, refusal: Refusal, *, waited: bool) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        """What its client would hear, if it is still there."""
        self.waited = waited
        """Whether it had begun to wait."""


class Interruption:
    """One call's. Used from its event loop."""

    def __init__(self) -> None:
        self._reason: Refusal | None = None
        self._task: asyncio.Task[object] | None = None

    def break_off(self, reason: Refusal) -> None:
        """End the part that may be ended, at once or as soon as it begins. The first reason counts."""
        if self._reason is None:
            self._reason = reason
            if self._task is not None:
                self._task.cancel()

    @contextmanager
    def may_happen(self) -> Generator[None]:
        """In here the task may be ended: BrokenOff is raised then, and nothing of it is left for what follows."""
        if self._reason is not None:
            raise BrokenOff(self._reason, waited=False)
        task = self._task = asyncio.current_task()
        assert task is not None
        try:
            yield
        except asyncio.CancelledError:
            if self._reason is None:
                raise
            task.uncancel()
            raise BrokenOff(self._reason, waited=True) from None
        finally:
            self._task = None
