"""Measures, in Prometheus's text form. Rooms make instruments with OpenTelemetry's API; here they are collected.

Labels are bounded: whatever institutions can name goes through a ``Label``, and there is no label for institutions,
since 10,000 of them would make as many series of every measure. Who did what is in the logs, the traces and the ledger.
"""

import re
import threading
from collections.abc import Callable
from functools import cache

_MOST = 50
_SERIES = 2000
"""Of one instrument; the rest is counted together, under ``otel_metric_overflow``."""
_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
_OTHER = "other"

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Bounds of a histogram of durations: from what a transaction takes to what a model may."""


class Label:
    """The values of a label: the first so many that look like names; all others are ``other``. Threads may share it."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, value: str) -> str:
        if value in self._known:
            return value
        with self._lock:
            if len(self._known) >= self._most or not _FORM.fullmatch(value):
                return _OTHER
            self._known.add(value)
        return value


@cache
def collect() -> Callable[[], bytes]:
    """Begin to count and time in this process; what is returned gives all measures so far.

    Before, instruments cost nothing. What the process itself uses (CPU, memory, open files) is among them.
    """
    from opentelemetry import metrics
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, Counter, Histogram, MeterProvider, UpDownCounter
    from prometheus_client import REGISTRY, generate_latest

    from sakimori.observe import transactions

    limits: dict[type, int] = dict.fromkeys((Counter, Histogram, UpDownCounter), _SERIES)
    reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, cardinality_limits=limits)
    metrics.set_meter_provider(MeterProvider([reader], exemplar_filter=AlwaysOffExemplarFilter()))
    transactions.time_all()
    collecting = threading.Lock()

    def exposition() -> bytes:
        # The reader hands what it collected to whoever asks first: two at once would get each other's halves.
        with collecting:
            return generate_latest(REGISTRY)

    return exposition
