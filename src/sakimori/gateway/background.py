"""What goes on beside calls for as long as the gateway serves: if it ends, that is a bug that nobody may overlook."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial

from sakimori.core import SakimoriError
from sakimori.observe import Code, Event, Level, log


@dataclass(frozen=True)
class TaskEnded(Event, id="gateway.task_ended", level=Level.CRITICAL):
    """A bug: what is to go on as long as the gateway does has ended, and the gateway is no longer ready."""

    task: Code
    error: BaseException | None


class Background:
    """Tasks of one event loop. ``stop`` them when done."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ended: set[str] = set()

    def start(self, name: str, endless: Coroutine[None, None, None]) -> None:
        """Run what does not end by itself. It expects what can go wrong, and goes on after it."""
        task = self._tasks[name] = asyncio.create_task(endless)
        task.add_done_callback(partial(self._over, name))

    def refuse_if_ended(self) -> None:
        """For /readyz, from any thread. Raises SakimoriError where a task ended: only a new process has it again."""
        if ended := sorted(self._ended):
            raise SakimoriError(f"{', '.join(ended)} ended: see gateway.task_ended in the log, and start again")

    async def stop(self) -> None:
        """End all of them."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _over(self, name: str, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._ended.add(name)
            log(TaskEnded(task=name, error=task.exception()))
