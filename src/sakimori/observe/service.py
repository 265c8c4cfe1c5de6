"""Setting a process up to be observed."""

import os
from collections.abc import Mapping

from sakimori.observe import lines, traces


def begin(service: str, environment: Mapping[str, str] = os.environ) -> None:
    """Log to standard error, and send traces if OTEL_EXPORTER_OTLP_ENDPOINT is set. Call it once, before work begins.

    Raises:
        ExporterMissing: traces are to be sent, and what sends them is not installed.
    """
    if environment.get(traces.ENDPOINT, "").strip():
        traces.export(service)
    lines.to_standard_error()
