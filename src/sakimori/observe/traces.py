"""Spans: where the time of one call went, in OpenTelemetry's form (OTLP).

They leave the process only if ``export`` was called, which ``service.begin`` does where ``OTEL_EXPORTER_OTLP_ENDPOINT``
is set: by default nothing leaves the bank. Names of spans are ours; what a span says besides are the fields of events
(``describe``), and of an exception its type.

A client's ``traceparent`` (W3C Trace Context) is taken over, so that its trace goes on here; its ``tracestate`` and
``baggage`` are not, since they may hold any text. Neither is passed on to anybody.
"""

import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sakimori.core import SakimoriError
from sakimori.observe.event import Event

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PREFIX = "sakimori"
_PROPAGATOR = TraceContextTextMapPropagator()
_tracer = trace.get_tracer(_PREFIX)
_exporting = threading.Event()
_OFF = nullcontext()


class ExporterMissing(SakimoriError):
    """Traces are to be exported, and the packages that do it are not installed."""


def export(service: str) -> None:
    """Send spans to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, in the background; once per process.

    Raises:
        ExporterMissing: Sakimori was installed without the extra ``otlp``.
    """
    if _exporting.is_set():
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ExporterMissing(
            f"{ENDPOINT} is set, and the packages that send traces are not installed: install 'sakimori[otlp]', or "
            "unset it"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": f"{_PREFIX}-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    _exporting.set()


def span(name: str) -> AbstractContextManager[None]:
    """A part of what the current span tells of."""
    return _recorded(name, trace.SpanKind.INTERNAL) if _exporting.is_set() else _OFF


@contextmanager
def serving(name: str, traceparent: str | None) -> Generator[None]:
    """What is done for a client, as a part of the client's own trace where it named one."""
    token = None
    if traceparent is not None:
        token = contexts.attach(_PROPAGATOR.extract({"traceparent": traceparent}))
    try:
        if _exporting.is_set():
            with _recorded(name, trace.SpanKind.SERVER):
                yield
        else:
            yield
    finally:
        if token is not None:
            contexts.detach(token)


def describe(event: Event) -> None:
    """Let the current span say what the event says."""
    current = trace.get_current_span()
    if current.is_recording():
        for name, value in event.fields().items():
            if isinstance(value, str | int | float):
                current.set_attribute(f"{_PREFIX}.{name}", value)


def ids() -> dict[str, str]:
    """``trace_id`` and ``span_id`` of the current span, as log lines carry them; empty where there is none."""
    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return {}
    return {"trace_id": trace.format_trace_id(current.trace_id), "span_id": trace.format_span_id(current.span_id)}


@contextmanager
def _recorded(name: str, kind: trace.SpanKind) -> Generator[None]:
    # What the library would record of an exception by itself is its message and traceback.
    with _tracer.start_as_current_span(name, kind=kind, record_exception=False, set_status_on_exception=False) as made:
        try:
            yield
        except BaseException as error:
            made.set_attribute("error.type", type(error).__name__)
            made.set_status(trace.StatusCode.ERROR)
            raise
