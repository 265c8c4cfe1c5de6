"""Traces: only where they were asked for, and only what may be said. What is sent: tests/cli/test_admin.py."""

import sys

import pytest
from opentelemetry import trace

from sakimori.observe import service, traces


def test_nothing_is_recorded_unless_a_collector_was_named() -> None:
    with traces.serving("call", None), traces.span("part"):
        assert not trace.get_current_span().is_recording()


def test_traces_that_cannot_be_sent_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An install without the extra does not run on as if it traced."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(traces.ExporterMissing, match=r"install 'sakimori\[otlp\]', or unset it"):
        service.begin("test", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
