"""An alert in, the finding that it becomes out."""

from collections.abc import Callable
from typing import Any

import pytest

from sakimori.collect import alerts
from sakimori.records import EntityType, Finding, Source

Taken = Callable[[dict[str, Any]], Finding]
NOW = 1_800_000_000_000_000_000
SOURCE = Source(tenant="bank", digest="ab" * 32, path="/exports/alerts.ndjson", format="ndjson", size=100)


@pytest.fixture
def taken() -> Taken:
    def take(record: dict[str, Any]) -> Finding:
        assert alerts.recognises(record)
        return alerts.finding(record, source=SOURCE, offset=7, now=NOW)[0]

    return take


def named(finding: Finding, kind: EntityType) -> list[str]:
    return [entity.value for entity in finding.entities if entity.type is kind]
