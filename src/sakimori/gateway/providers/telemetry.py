"""What is measured of providers. Their names are the operator's, so that they may be labels."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry import metrics

from sakimori.gateway.providers.failure import ProviderFailed
from sakimori.observe.metrics import SECONDS

_meter = metrics.get_meter("sakimori.gateway.providers")
_attempts = _meter.create_counter(
    "sakimori.gateway.provider.attempts",
    description="Requests to providers, by provider and outcome ('answered', 'given_up' or an error code).",
)
_retries = _meter.create_counter(
    "sakimori.gateway.provider.retries",
    description="Attempts after one that failed, by the provider that was asked next and the code of what failed.",
)
_seconds = _meter.create_histogram(
    "sakimori.gateway.provider.begin.duration",
    unit="s",
    description="Until a stream begins or a whole answer is there, by provider.",
    explicit_bucket_boundaries_advisory=SECONDS,
)


@contextmanager
def attempt(provider: str) -> Generator[None]:
    """One request, until its answer begins or it fails."""
    began = time.perf_counter()
    outcome = "given_up"
    try:
        yield
        outcome = "answered"
        _seconds.record(time.perf_counter() - began, {"provider": provider})
    except ProviderFailed as error:
        outcome = error.refusal.code
        raise
    finally:
        _attempts.add(1, {"provider": provider, "outcome": outcome})


def retried(provider: str, code: str) -> None:
    _retries.add(1, {"provider": provider, "code": code})
