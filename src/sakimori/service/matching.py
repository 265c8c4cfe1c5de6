"""Reading and matching in several processes: files in; matches, rejected records and accounts out.

Workers read whole files and hold rules against single events. What several events say together is decided by whoever
takes the matches: they come in the order of the files and of the events in them, however many workers there are.
"""

import contextlib
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

from sakimori import collect
from sakimori.collect import ALWAYS, AlertRead, FoundFile, LogMapping, Outcome, Period, Progress, Rejected, SourceRead
from sakimori.core import Clock
from sakimori.detect import Matches, Placeholders, SigmaDetector
from sakimori.records import EventBatch, Severity, Source

Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """Which rules to run, as ``SigmaDetector.load`` is told. Every process loads its own, from ``cache_dir``."""

    paths: Sequence[Path]
    cache_dir: Path | None = None
    placeholders: Placeholders | None = None
    min_level: Severity | None = None
    statuses: Collection[str] | None = None

    def load(self) -> SigmaDetector:
        """Raises InputError as ``SigmaDetector.load`` does."""
        return SigmaDetector.load(
            self.paths,
            self.cache_dir,
            placeholders=self.placeholders,
            min_level=self.min_level,
            statuses=self.statuses,
        )


@dataclass(frozen=True, slots=True)
class Team:
    """Several processes, which run these rules."""

    rules: RuleSet
    workers: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What ``collect.read`` is told, whoever calls it."""

    tenant: str
    clock: Clock
    mappings: Sequence[LogMapping]
    period: Period = ALWAYS

    def read(
        self, files: Sequence[Path | FoundFile], detector: SigmaDetector, on_progress: Report
    ) -> Generator[collect.Item]:
        yield from collect.read(
            files,
            tenant=self.tenant,
            clock=self.clock,
            wanted=detector.wanted,
            told=detector.told,
            period=self.period,
            mappings=self.mappings,
            on_progress=on_progress,
        )


@dataclass(frozen=True, slots=True)
class Matched:
    """Events of one source that rules were held against."""

    source: Source
    events: int
    matches: Matches


Item = Matched | AlertRead | Rejected | SourceRead


_MOST_HELD = 20_000
"""Items of later files that wait for those of earlier ones; beyond, their workers wait."""


def match_in_parallel(
    paths: Sequence[Path], reading: Reading, team: Team, on_progress: Report
) -> Generator[Matched | collect.Item]:
    """What ``collect.read`` and matching give, in the same order, from processes that each read one file at a time.

    A file whose worker dies ends in a ``SourceRead`` that says so; a new worker takes the next file.
    """
    survey = collect.Survey(paths)
    yield from survey.refused
    done = dict.fromkeys(range(len(survey.files)), 0)

    def progressed(task: int, step: Progress) -> None:
        done[task] = step.done
        on_progress(Progress(step.path, sum(done.values()), survey.total))

    queue = deque(enumerate(survey.files))
    held: list[deque[Item | None]] = [deque() for _ in survey.files]
    """By task; None ends it."""
    front = 0
    with _Processes(team.rules, reading) as processes:
        while front < len(held):
            while held[front]:
                item = held[front].popleft()
                if item is not None:
                    yield item
                    continue
                front += 1
                if front == len(held):
                    return
            while queue and len(processes) < team.workers:
                processes.give(*queue.popleft())
            crowded = sum(map(len, held)) > _MOST_HELD
            for task, message in processes.hear(only=front if crowded else None):
                if isinstance(message, Progress):
                    progressed(task, message)
                else:
                    held[task].append(message)


Message = Item | Progress | None


class _Processes:
    """Workers, each at one task. Leaving the block ends them all."""

    def __init__(self, rules: RuleSet, reading: Reading) -> None:
        self._context = multiprocessing.get_context("spawn")  # forking beside threads is not safe
        self._settings = (rules, reading)
        self._busy: dict[Connection, _Worker] = {}
        self._idle: list[_Worker] = []

    def __enter__(self) -> "_Processes":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in (*self._busy.values(), *self._idle):
            worker.process.terminate()
            worker.process.join()
            worker.connection.close()

    def __len__(self) -> int:
        """How many are at work."""
        return len(self._busy)

    def give(self, task: int, file: FoundFile) -> None:
        worker = self._idle.pop() if self._idle else self._hire()
        worker.task, worker.path = task, str(file.path)
        self._busy[worker.connection] = worker
        with contextlib.suppress(BrokenPipeError):  # it has died: ``hear`` will notice
            worker.connection.send(file)

    def hear(self, *, only: int | None) -> list[tuple[int, Message]]:
        """Wait for messages: (task, message). ``only``: of this task."""
        listened = [c for c, worker in self._busy.items() if only is None or worker.task == only]
        return [message for c in wait(listened) for message in self._heard(self._busy[cast("Connection", c)])]

    def _heard(self, worker: "_Worker") -> Iterator[tuple[int, Message]]:
        try:
            message: Message = worker.connection.recv()
        except (EOFError, OSError):
            del self._busy[worker.connection]
            worker.process.join()
            worker.connection.close()
            reason = f"the process that read it ended before its time ({_end(worker.process)}): its events are missing"
            yield worker.task, SourceRead(path=worker.path, outcome=Outcome.FAILED, reason=reason)
            yield worker.task, None
            return
        if message is None:
            self._idle.append(self._busy.pop(worker.connection))
        yield worker.task, message

    def _hire(self) -> "_Worker":
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, *self._settings), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)


@dataclass(slots=True, eq=False)
class _Worker:
    process: BaseProcess
    connection: Connection
    task: int = -1
    path: str = ""
    """Of the file it is at."""


def _end(process: BaseProcess) -> str:
    code = process.exitcode or 0
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _work(connection: Connection, rules: RuleSet, reading: Reading) -> None:
    """A worker's life: files in, messages out, until there is nobody to talk to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes; the one that started this decides
    detector = rules.load()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            file: FoundFile = connection.recv()
            for item in reading.read([file], detector, connection.send):
                connection.send(_matched(item, detector))
            connection.send(None)


def _matched(item: collect.Item, detector: SigmaDetector) -> Item:
    return Matched(item.source, len(item), detector.match(item)) if isinstance(item, EventBatch) else item
