"""The writer: what calls write, committed in groups, so that all who wait share one flush to the disk.

A flush takes milliseconds and holds one writer at a time, so that calls which each waited for their own would queue up
behind it. Institutions take turns: one transaction does the work of all who wait by then; while it is committed, the
next group gathers. Nobody hears of a result before it is durable.

What waits for others (another writer, the disk, a server) waits in a thread. Where there is nothing to wait for but the
flush (a file that nobody else writes to at the moment), the rest is done in the event loop: two threads that both
compute get in each other's way at every statement.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sakimori.core import SakimoriError
from sakimori.gateway.refusal import Refusal
from sakimori.store import Busy, Database, StoreError, Transaction

T = TypeVar("T")
BUSY = "gateway_busy"
"""Code of what is refused because too much waits: the refusal is not written down either."""
_MOST_WAITING = 2_000
"""Pieces of work; at a few hundred microseconds each, about a second's worth."""
_LARGEST_GROUP = 64
"""Pieces of work in one transaction, which others of the institution, and the event loop, wait for."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Transaction], Any]
    heard: asyncio.Future[Any]
    long: bool


@dataclass(frozen=True, slots=True)
class _Outcome:
    job: _Job
    value: Any = None
    error: BaseException | None = None


class Writer:
    """One transaction at a time, and one thread that waits, for one event loop. ``close`` it when done."""

    def __init__(self, database: Database, *, most_waiting: int = _MOST_WAITING) -> None:
        """To be made within the event loop."""
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._most = most_waiting
        self._unheard = 0
        self._waiting: dict[str, list[_Job]] = {}
        """By institution, in the order of their turns."""
        self._lock = threading.Lock()
        self._idle = asyncio.Event()
        """Nobody waits, and no turn is under way."""
        self._idle.set()
        self._blocking: queue.SimpleQueue[Callable[[], list[_Outcome]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="gateway-writer", daemon=True)
        self._thread.start()

    async def submit(self, tenant: str, work: Callable[[Transaction], T], *, long: bool = False) -> T:
        """Run ``work`` in a transaction of the institution; its result, once that is committed.

        ``work`` runs in the event loop or, if it takes ``long`` (a millisecond), in the writer's thread; a second time
        where a neighbour's mistake undid the first. What it raises undoes what it wrote, and nothing else. One whose
        caller is cancelled before it began is not run.

        Raises:
            Refusal: too much waits already.
            StoreError: the database cannot be used; nothing was written.
            Exception: whatever ``work`` raises.
        """
        if self._unheard >= self._most:
            message = "More calls are waiting to be written down than the gateway's database can take; ask again."
            raise Refusal(503, BUSY, message, retry_after=1, may_retry=True)
        return await self.complete(tenant, work, long=long)

    async def complete(self, tenant: str, work: Callable[[Transaction], T], *, long: bool = False) -> T:
        """Like ``submit``, for what must be written however much waits: what became of a call that was submitted."""
        heard: asyncio.Future[T] = self._loop.create_future()
        self._unheard += 1
        with self._lock:
            self._waiting.setdefault(tenant, []).append(_Job(work, heard, long))
        if self._idle.is_set():
            self._idle.clear()
            self._loop.call_soon(self._next_turn)  # whoever else is about to write shares it
        return await heard

    async def close(self) -> None:
        """Finish what waits. Nothing may be submitted any more: nobody would ever hear of it."""
        await self._idle.wait()
        self._blocking.put(None)
        await asyncio.to_thread(self._thread.join)

    def _next_turn(self) -> None:
        tenant = next(iter(self._waiting), None)
        if tenant is None:
            self._idle.set()
            return
        turn = ExitStack()
        try:
            transaction = turn.enter_context(self._database.transaction(tenant, at_once=True))
        except Busy:
            self._blocking.put(partial(self._write, tenant))
            return
        except Exception as error:  # noqa: BLE001 - whatever it is: who waits must hear it
            self._turn_over(_all(self._take(tenant), error))
            return
        group = self._take(tenant)
        do = partial(_do, transaction, group)
        if not any(job.long for job in group):
            do = _done(do)
        self._blocking.put(partial(self._end, tenant, turn, group, do))

    def _turn_over(self, outcomes: Sequence[_Outcome]) -> None:
        self._unheard -= len(outcomes)
        for outcome in outcomes:
            heard = outcome.job.heard
            if heard.cancelled():
                continue
            if outcome.error is None:
                heard.set_result(outcome.value)
            else:
                heard.set_exception(outcome.error)
        self._loop.call_soon(self._next_turn)

    def _work(self) -> None:
        """The thread's."""
        while (waiting := self._blocking.get()) is not None:
            self._loop.call_soon_threadsafe(self._turn_over, waiting())

    def _take(self, tenant: str) -> list[_Job]:
        """Whoever waits by now, and is one group."""
        with self._lock:
            waiting = self._waiting.pop(tenant)
            if len(waiting) > _LARGEST_GROUP:
                self._waiting[tenant] = waiting[_LARGEST_GROUP:]
        return waiting[:_LARGEST_GROUP]

    def _write(self, tenant: str, job: _Job | None = None) -> list[_Outcome]:
        """One transaction, waited for, in which the work of all who wait by then is done; or only that of one."""
        group = [job] if job else []
        try:
            with ExitStack() as turn:
                transaction = turn.enter_context(self._database.transaction(tenant))
                group = group or self._take(tenant)  # not before it is their turn: until then others may come
                return self._end(tenant, turn.pop_all(), group, partial(_do, transaction, group))
        except Exception as error:  # noqa: BLE001 - whatever it is: who waits must hear it, and the thread must live on
            return _all(group or self._take(tenant), error)

    def _end(
        self,
        tenant: str,
        turn: AbstractContextManager[object],
        group: list[_Job],
        do: Callable[[], list[_Outcome]],
    ) -> list[_Outcome]:
        """Do the work and commit it; each on its own where somebody's mistake undid the whole."""
        try:
            with turn:
                return do()
        except StoreError as error:
            return _all(group, error)
        except Exception as error:  # noqa: BLE001 - as above
            if len(group) == 1:
                return _all(group, error)
            return [outcome for job in group for outcome in self._write(tenant, job)]


def _all(group: Sequence[_Job], error: BaseException) -> list[_Outcome]:
    return [_Outcome(job, error=error) for job in group]


def _done(do: Callable[[], T]) -> Callable[[], T]:
    """Do it now: what comes of it, an exception too, is to be had from what is returned."""
    try:
        result = do()
    except Exception as error:  # noqa: BLE001 - told where the transaction ends
        return partial(_throw, error)
    return lambda: result


def _throw(error: BaseException) -> Any:
    raise error


def _do(transaction: Transaction, group: Sequence[_Job]) -> list[_Outcome]:
    if len(group) == 1:
        return [_Outcome(group[0], _run(transaction, group[0]))]
    return [_run_beside_others(transaction, job) for job in group]


def _run(transaction: Transaction, job: _Job) -> Any:
    return None if job.heard.cancelled() else job.work(transaction)


def _run_beside_others(transaction: Transaction, job: _Job) -> _Outcome:
    """Raises where it is not known what that did to the transaction: for the database's own errors, and for bugs."""
    try:
        with transaction.part():
            return _Outcome(job, _run(transaction, job))
    except (Refusal, SakimoriError) as error:
        return _Outcome(job, error=error)
