"""Observability: what an operator may know of a running service. Events, spans and measures in; never content.

Whatever happens is told as an ``Event``: a class that declares its fields with the types below, so that log text,
prompts, keys and header values have no way in. ``log(event)`` writes it as a line, ``traces.span`` opens a span, and
measures are instruments of OpenTelemetry's API, which cost nothing until ``metrics.collect`` was called. ``health`` and
``admin`` answer /healthz, /readyz and /metrics; ``service.begin`` sets a process up. Of the rest of the house only
``core`` is known here.
"""

from sakimori.observe.event import Address, Code, Event, Id, KeyId, Level, Model, Tenant, log
from sakimori.observe.health import Readiness

__all__ = ["Address", "Code", "Event", "Id", "KeyId", "Level", "Model", "Readiness", "Tenant", "log"]
