"""Alerts of other products: their JSON in (exports, webhook bodies), findings out that join incidents like our own.

One module per product, all of the same shape (``Product``); docs/alerts.md says what each maps. An alert stands among
the shapes of JSON records (``collect.shapes``), but is no event: where one is recognised, ``shaped`` raises
``AlertHere``, and ``finding`` makes of it what it is.
"""

from typing import NoReturn

from sakimori.collect.alerts import crowdstrike, elastic, graph, ocsf, splunk
from sakimori.collect.alerts.alert import Product, finding_of
from sakimori.collect.shapes import Fields, ShapeError
from sakimori.core import Nanos
from sakimori.records import Finding, Source

__all__ = ["PRODUCTS", "AlertHere", "finding", "recognises", "shaped"]

PRODUCTS: tuple[Product, ...] = (elastic, graph, ocsf, crowdstrike, splunk)
"""The first that recognises a record understands it. Elastic's alerts copy the event they are about, so they come
first."""


class AlertHere(ShapeError):
    """A record that is no event: it is another product's alert."""

    def __init__(self, record: Fields) -> None:
        super().__init__("an alert, where an event was expected")
        self.record = record
        self.repaired = False
        """Whether the record's text had to be repaired before it could be read."""


def recognises(record: Fields) -> bool:
    return _product(record) is not None


def shaped(record: Fields) -> NoReturn:
    raise AlertHere(record)


def finding(record: Fields, *, source: Source, offset: int, now: Nanos) -> tuple[Finding, bool]:
    """The finding in a record that is recognised, and whether it has a time of its own; else ``now`` is its time.

    Raises:
        ShapeError: it lacks what makes an alert.
    """
    product = _product(record)
    if product is None:
        raise ShapeError("no known alert")
    alert = product.alert(record)
    timed = alert.first is not None or alert.last is not None
    return finding_of(alert, product.NAME, source=source, offset=offset, now=now), timed


def _product(record: Fields) -> Product | None:
    return next((product for product in PRODUCTS if product.recognises(record)), None)
