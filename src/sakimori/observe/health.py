"""Whether a service can do its work now: the answer to /readyz.

Alive is who answers at all (/healthz). Ready is who could serve a call; a provider of models is not needed for that,
because everything but the model's own part works without it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from sakimori.core import SakimoriError

_FRESH_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0

Check = Callable[[], None]
"""Raises SakimoriError where a thing is not as it must be. It may block."""


class Readiness:
    """Asks checks, at most once a second however many ask; for one event loop."""

    def __init__(self, checks: Mapping[str, Check], *, patience: float = _PATIENCE_SECONDS) -> None:
        """``checks`` by name; ``patience``: seconds after which a check that does not answer has failed."""
        self._checks = checks
        self._patience = patience
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readiness")
        self._asking: asyncio.Future[dict[str, str | None]] | None = None
        self._asked_at = 0.0
        self._closed = False

    async def ask(self) -> dict[str, str | None]:
        """What each check says: None where all is well, else why not, in one sentence."""
        if self._closed:
            return dict.fromkeys(self._checks, "stopped")
        if self._asking is None or (self._asking.done() and time.monotonic() - self._asked_at >= _FRESH_SECONDS):
            self._asked_at = time.monotonic()
            self._asking = asyncio.get_running_loop().run_in_executor(self._thread, self._ask)
        # One question at a time: checks that hang do not pile up, and those who wait hang no longer than they must.
        done, _ = await asyncio.wait((self._asking,), timeout=self._patience)
        if not done:
            return dict.fromkeys(self._checks, f"no answer within {self._patience:g} s")
        return self._asking.result()

    def close(self) -> None:
        self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _ask(self) -> dict[str, str | None]:
        return {name: _complaint(check) for name, check in self._checks.items()}


def _complaint(check: Check) -> str | None:
    try:
        check()
    except SakimoriError as error:
        return str(error)
    return None
