"""What the gateway tells its operator of a call: one log line, spans, measures. Never what was said in it."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import metrics

from sakimori.access import Principal
from sakimori.core import SakimoriError
from sakimori.gateway.boundary import BoundaryError
from sakimori.gateway.endpoints import Usage
from sakimori.gateway.refusal import Refusal
from sakimori.observe import Code, Event, Id, KeyId, Level, Model, Tenant, log, traces
from sakimori.observe.metrics import SECONDS, Label

ANSWERED = "answered"
UNAVAILABLE = "gateway_unavailable"
FAILED = "gateway_error"
BOUNDARY_FAILED = "boundary_failed"

_meter = metrics.get_meter("sakimori.gateway")
_model, _purpose = Label(), Label()
_calls = _meter.create_counter(
    "sakimori.gateway.calls",
    description="Calls that ended, by model, purpose and outcome ('answered' or an error code).",
)
_tokens = _meter.create_counter(
    "sakimori.gateway.tokens", description="Tokens as the provider counted them, by model and direction."
)


class _Level:
    """How much there is of something, counted by one thread and read when measures are collected."""

    def __init__(self, name: str, description: str) -> None:
        self.now = 0
        _meter.create_observable_up_down_counter(name, [self._observe], description=description)

    def _observe(self, _options: metrics.CallbackOptions) -> list[metrics.Observation]:
        return [metrics.Observation(self.now)]


_under_way = _Level("sakimori.gateway.calls.under_way", "Calls that are being worked on.")
_reserved = _Level("sakimori.gateway.tokens.reserved", "Tokens that calls under way hold of budgets, as upper bounds.")
_boundary = _meter.create_counter(
    "sakimori.gateway.boundary.refusals", description="Calls that the boundary did not let out, by error code."
)
_call_seconds = _meter.create_histogram(
    "sakimori.gateway.calls.call.duration",
    unit="s",
    description="Of whole calls, by model.",
    explicit_bucket_boundaries_advisory=SECONDS,
)
_stage_seconds = _meter.create_histogram(
    "sakimori.gateway.stage.duration",
    unit="s",
    description="Of the parts of calls: authenticate, tokenise, reserve, upstream, stream, restore, settle.",
    explicit_bucket_boundaries_advisory=SECONDS,
)
_pending = _Level("sakimori.ledger.pending", "Ledger entries that this process wrote and has not sealed yet.")
_seal_failures = _meter.create_counter(
    "sakimori.ledger.seal.failures", description="Attempts to seal an institution's entries that failed."
)
_BOUNDARY_CODES = frozenset({BOUNDARY_FAILED, "data_class_not_available"})


@dataclass(frozen=True)
class CallEnded(Event, id="gateway.call", level=Level.INFO):
    """Every call that reached an endpoint of models, whatever became of it."""

    call: Id
    endpoint: Code
    outcome: Code
    seconds: float
    tenant: Tenant | None
    key: KeyId | None
    model: Model | None
    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True)
class Unavailable(Event, id="gateway.unavailable", level=Level.ERROR):
    """A call was not made, or not settled, because the gateway could not use what it needs."""

    call: Id
    error: Exception


@dataclass(frozen=True)
class Failed(Event, id="gateway.failed", level=Level.CRITICAL):
    """A bug in the gateway."""

    call: Id
    error: Exception


@dataclass(frozen=True)
class LedgerUnsealed(Event, id="gateway.ledger_unsealed", level=Level.ERROR):
    """Entries stay pending; sealing is tried again every second, and this is told once."""

    tenant: Tenant
    error: Exception


@dataclass(frozen=True)
class LedgerSealed(Event, id="gateway.ledger_sealed", level=Level.WARNING):
    """Entries that could not be sealed now are."""

    tenant: Tenant


class Call:
    """What is known so far of a call under way."""

    def __init__(self, id: str, endpoint: str) -> None:
        self.id = id
        self.endpoint = endpoint
        self.principal: Principal | None = None
        self.model: str | None = None
        self.purpose: str | None = None
        self.usage: Usage | None = None
        self._reserved = 0
        self._outcome = ANSWERED

    def admitted(self, *, model: str, purpose: str, tokens: int) -> None:
        """It may be made: ``tokens`` are held for it."""
        self.model, self.purpose, self._reserved = model, purpose, tokens
        _reserved.now += tokens

    def settled(self, outcome: str, usage: Usage | None) -> None:
        """How it ended, where its client may have been told something else: a stream that broke began well."""
        self._outcome, self.usage = outcome, usage

    @contextmanager
    def under_way(self, traceparent: str | None) -> Generator[None]:
        """From its arrival to what its client hears; tells of it at the end."""
        began = time.perf_counter()
        _under_way.now += 1
        with traces.serving(f"gateway {self.endpoint}", traceparent):
            outcome = FAILED
            try:
                yield
                outcome = self._outcome
            except Exception as error:
                outcome = _outcome(error)
                raise
            finally:
                self._ended(outcome, time.perf_counter() - began)

    def _ended(self, outcome: str, seconds: float) -> None:
        model = _model(self.model) if self.model else ""
        labels = {"model": model, "purpose": _purpose(self.purpose) if self.purpose else "", "outcome": outcome}
        _under_way.now -= 1
        _calls.add(1, labels)
        _call_seconds.record(seconds, {"model": model})
        _reserved.now -= self._reserved
        if self.usage is not None:
            _tokens.add(self.usage.input, {"model": model, "direction": "input"})
            _tokens.add(self.usage.output, {"model": model, "direction": "output"})
        if outcome in _BOUNDARY_CODES:
            _boundary.add(1, {"code": outcome})
        event = CallEnded(
            call=self.id,
            endpoint=self.endpoint,
            outcome=outcome,
            seconds=seconds,
            tenant=self.principal.tenant if self.principal else None,
            key=self.principal.id if self.principal else None,
            model=self.model,
            input_tokens=self.usage.input if self.usage else None,
            output_tokens=self.usage.output if self.usage else None,
        )
        traces.describe(event)
        log(event)


@contextmanager
def stage(name: str) -> Generator[None]:
    """A part of a call, as a span and in the histogram of such parts."""
    began = time.perf_counter()
    try:
        with traces.span(name):
            yield
    finally:
        _stage_seconds.record(time.perf_counter() - began, _STAGES[name])


_STAGE_NAMES = ("authenticate", "tokenise", "reserve", "upstream", "stream", "restore", "settle")
_STAGES = {name: {"stage": name} for name in _STAGE_NAMES}


def pending(entries: int) -> None:
    """So many ledger entries more (or fewer) wait to be sealed."""
    _pending.now += entries


def seal_failed() -> None:
    _seal_failures.add(1)


def unavailable() -> Refusal:
    """What a client hears where the gateway lacks what it needs; its operator finds more in the log."""
    message = "The gateway cannot use its own database or keys at present, so it did not go on; tell its operator."
    return Refusal(503, UNAVAILABLE, message, may_retry=True)


def bug() -> Refusal:
    return Refusal(500, FAILED, "The gateway failed and did not go on; tell its operator.")


def _outcome(error: Exception) -> str:
    """The code that the client hears."""
    if isinstance(error, Refusal):
        return error.code
    if isinstance(error, BoundaryError):
        return BOUNDARY_FAILED
    return UNAVAILABLE if isinstance(error, SakimoriError) else FAILED
