"""Statistical name recognition in worker processes, asked by the segment and remembered.

A model reads some 1,500 characters per CPU-second, so that what one call may ask for is limited and said in its error.
Whatever goes wrong (a worker that dies, hangs or was never able to load its model) raises, and nothing is sent.
"""

import multiprocessing
import queue
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, cast

from sakimori.core import ExitCode, SakimoriError
from sakimori.gateway.boundary.running_text.segments import segments
from sakimori.gateway.boundary.running_text.worker import JAPANESE_MODEL, Entity, work

_START_SECONDS = 60.0
_BATCH = 2_000
"""Characters that a worker is given at once: about a second of its time."""
_MOST_REMEMBERED = 20_000
"""Segments."""
_KNOWN_MODELS = (JAPANESE_MODEL, "en_core_web_sm", "en_core_web_md", "en_core_web_lg")


class RecogniserError(SakimoriError):
    """Names could not be looked for in a text: nothing of its request may be sent."""

    exit_code = ExitCode.DENIED


@dataclass(frozen=True, slots=True)
class RecogniserSettings:
    models: tuple[str, ...]
    """Installed spaCy models; the Japanese one first."""
    workers: int = 1
    most_characters: int = 50_000
    """Of one text that are not remembered yet."""
    timeout: float = 60.0
    """Seconds that one text may take, waiting for a worker included."""


def installed_models() -> tuple[str, ...]:
    """Those of the known models that can be imported here. Empty: the extra ``[ner]`` is not installed."""
    return tuple(model for model in _KNOWN_MODELS if find_spec("spacy") is not None and find_spec(model) is not None)


class Recogniser:
    """Worker processes that are started with the first text, or by ``start``; ``close`` it when done.

    Safe to use from several threads. Remembered segments are kept apart by institution, so that nothing tells one what
    another has sent.
    """

    def __init__(self, settings: RecogniserSettings) -> None:
        """Raises RecogniserError where the models are not installed."""
        missing = [model for model in settings.models if find_spec(model) is None]
        if missing or JAPANESE_MODEL not in settings.models:
            wanted = ", ".join(missing) or JAPANESE_MODEL
            raise RecogniserError(
                f"names in running text: the model {wanted} is not installed; install the extra with "
                "`pip install 'sakimori[ner]'`"
            )
        self._settings = settings
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._workers = [_Worker(settings.models) for _ in range(settings.workers)]
        for worker in self._workers:
            self._idle.put(worker)
        self._starting: list[Future[None]] = []
        self._threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="recogniser")
        self._remembered: OrderedDict[tuple[str, str], tuple[Entity, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, tenant: str, text: str) -> list[Entity]:
        """Entities of a text, in its code points.

        Raises:
            RecogniserError: the text is too long, no worker was free in time, or one failed.
        """
        parts = list(segments(text))
        known = self._known(tenant, {segment for _, segment in parts})
        new = list(dict.fromkeys(segment for _, segment in parts if segment not in known))
        if new:
            known |= self._ask(new)
            self._remember(tenant, ((segment, known[segment]) for segment in new))
        return [
            entity._replace(start=offset + entity.start, end=offset + entity.end)
            for offset, segment in parts
            for entity in known[segment]
        ]

    def start(self) -> None:
        """Let the workers load their models now, in the background, rather than with the first text."""
        self._starting = [self._threads.submit(self._start_one) for _ in self._workers]

    def refuse_if_down(self) -> None:
        """Raises RecogniserError where no worker has its models, and lets them be loaded."""
        if not self.processes():
            if all(starting.done() for starting in self._starting):
                self.start()
            raise RecogniserError("names in running text: the models are not loaded yet, so free text is not sent")

    def processes(self) -> list[int]:
        """Ids of the worker processes that have their models."""
        return [worker.process_id for worker in self._workers if worker.process_id is not None]

    def close(self) -> None:
        """Stop the workers, also those that are at work: who waits for one hears that it died."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.stop()
        self._threads.shutdown()

    def _ask(self, new: Sequence[str]) -> dict[str, tuple[Entity, ...]]:
        length = sum(map(len, new))
        if length > self._settings.most_characters:
            raise RecogniserError(
                f"names in running text: {length} characters are more than the {self._settings.most_characters} that "
                "one text may have for name recognition; send less text at once"
            )
        batches = list(_batches(new))
        asked = [self._threads.submit(self._ask_worker, batch) for batch in batches]
        found: dict[str, tuple[Entity, ...]] = {}
        for batch, answer in zip(batches, asked, strict=True):
            found.update(zip(batch, answer.result(), strict=True))
        return found

    def _start_one(self) -> None:
        worker = self._idle.get()
        try:
            worker.start()
        finally:
            self._idle.put(worker)

    def _ask_worker(self, batch: list[str]) -> list[tuple[Entity, ...]]:
        try:
            worker = self._idle.get(timeout=self._settings.timeout)
        except queue.Empty:
            raise RecogniserError(
                f"names in running text: no worker was free within {self._settings.timeout:.0f} s; try again later"
            ) from None
        try:
            return worker.ask(batch, timeout=self._settings.timeout)
        finally:
            self._idle.put(worker)

    def _known(self, tenant: str, wanted: Iterable[str]) -> dict[str, tuple[Entity, ...]]:
        with self._lock:
            known: dict[str, tuple[Entity, ...]] = {}
            for segment in wanted:
                if (entities := self._remembered.get((tenant, segment))) is not None:
                    self._remembered.move_to_end((tenant, segment))
                    known[segment] = entities
            return known

    def _remember(self, tenant: str, found: Iterable[tuple[str, tuple[Entity, ...]]]) -> None:
        with self._lock:
            for segment, entities in found:
                self._remembered[tenant, segment] = entities
            while len(self._remembered) > _MOST_REMEMBERED:
                self._remembered.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Running:
    process: SpawnProcess
    connection: "Connection[Any, Any]"


class _Worker:
    """A process with the models in it; started when it is first asked, and again after it failed."""

    def __init__(self, models: tuple[str, ...]) -> None:
        self._models = models
        self._running: _Running | None = None
        self.is_up = False
        """Whether its models are loaded."""

    @property
    def process_id(self) -> int | None:
        return self._running.process.pid if self._running is not None and self.is_up else None

    def ask(self, batch: list[str], *, timeout: float) -> list[tuple[Entity, ...]]:
        try:
            connection = self._started().connection
            connection.send(batch)
            if not connection.poll(timeout):
                raise TimeoutError
            answer = cast("list[tuple[Entity, ...]] | str", connection.recv())
        except TimeoutError:
            self.stop()
            message = f"names in running text: the models gave no answer within {timeout:.0f} s, so nothing was sent"
            raise RecogniserError(message) from None
        except (EOFError, OSError) as error:
            self.stop()
            message = "names in running text: a worker process died, so nothing was sent; try again"
            raise RecogniserError(message) from error
        if isinstance(answer, str):
            raise RecogniserError(f"names in running text: a model failed ({answer}), so nothing was sent; report this")
        return answer

    def start(self) -> None:
        """Load the models, if they are not. A failure shows in that none runs, and in the next ``ask``."""
        try:
            self._started()
        except (EOFError, OSError):
            self.stop()

    def stop(self) -> None:
        if self._running is not None:
            running, self._running, self.is_up = self._running, None, False
            running.connection.close()
            running.process.kill()
            running.process.join()

    def _started(self) -> "_Running":
        """Raises OSError, EOFError or TimeoutError where it does not come up."""
        if self._running is not None and self.is_up:
            return self._running
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, self._models), daemon=True, name="sakimori-names")
        process.start()
        theirs.close()
        self._running = running = _Running(process, ours)
        if not ours.poll(_START_SECONDS):
            raise TimeoutError
        ours.recv()
        self.is_up = True
        return running


def _batches(texts: Sequence[str]) -> Iterable[list[str]]:
    batch: list[str] = []
    length = 0
    for text in texts:
        if batch and length + len(text) > _BATCH:
            yield batch
            batch, length = [], 0
        batch.append(text)
        length += len(text)
    yield batch
