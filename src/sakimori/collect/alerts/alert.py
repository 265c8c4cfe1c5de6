"""An alert in Sakimori's words, and the finding that it becomes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sakimori.collect.alerts.members import LONGEST
from sakimori.collect.shapes import Fields, ShapeError
from sakimori.core import Nanos
from sakimori.records import (
    Entity,
    EventRef,
    Evidence,
    Finding,
    Severity,
    Source,
    encode_cell,
    finding_id,
    tactic_named,
    technique_id,
)

_LONGEST_SHOWN = 8192
"""Characters of a member that is shown; the raw record holds the others."""
_MOST_COUNTED = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What another product says. Texts that its mapping gives are bounded (``members``)."""

    product: str
    """The product's name as people know it."""
    id: str
    """The product's id of the alert: however often and in whatever state it is sent, it is one finding."""
    rule: str
    """The product's id of the rule, stable from alert to alert."""
    title: str
    """Empty: the rule's id stands for it."""
    severity: Severity
    benign: bool
    """Somebody marked it there as false or harmless."""
    first: Nanos | None
    last: Nanos | None
    tactics: Iterable[str]
    """As the product names them: what ATT&CK does not know is left out."""
    techniques: Iterable[str]
    entities: tuple[Entity, ...]
    shown: Mapping[str, Any]
    """Members of the raw record that show what it is about."""
    count: int = 1
    """Events or alerts that it stands for."""


class Product(Protocol):
    """A product whose alerts are understood: one module each."""

    @property
    def NAME(self) -> str:
        """Begins its rule ids and the names of the fields that are shown: ``elastic:…``, ``elastic.host.name``."""
        ...

    def recognises(self, record: Fields, /) -> bool:
        """Whether a record is an alert of the product: told by names that only it has."""
        ...

    def alert(self, record: Fields, /) -> Alert:
        """What a record that is recognised says.

        Raises:
            ShapeError: it lacks what makes an alert.
        """
        ...


def finding_of(alert: Alert, name: str, *, source: Source, offset: int, now: Nanos) -> Finding:
    """The product's claim as a finding; its evidence is the alert itself. ``now`` stands in where it has no time.

    One that is marked benign there is informational here: told, but it starts no incident. Names of fields begin with
    ``name``, so that what an alert says never passes for what an event shows.

    Raises:
        ShapeError: its rule's id is too long.
    """
    rule = f"{name}:{alert.rule}"
    if len(rule) > LONGEST:
        raise ShapeError(f"an alert whose rule's id is longer than {LONGEST} characters")
    times = [time for time in (alert.first, alert.last) if time is not None] or [now]
    shown = {f"{name}.{member}": cell for member, value in alert.shown.items() if (cell := _cell(value))}
    evidence = Evidence(
        event_id=EventRef(digest=source.digest[:24], offset=offset).event_id, time=min(times), fields=shown
    )
    return Finding(
        id=finding_id(source.tenant, f"{name}:", (alert.id,)),
        tenant=source.tenant,
        rule_id=rule,
        title=alert.title or alert.rule,
        severity=Severity.INFORMATIONAL if alert.benign else alert.severity,
        first_time=min(times),
        last_time=max(times),
        tactics=_known(map(tactic_named, alert.tactics)),
        techniques=_known(map(technique_id, alert.techniques)),
        entities=alert.entities,
        evidence=(evidence,),
        count=min(max(alert.count, 1), _MOST_COUNTED),
        source=source.path,
        product=alert.product,
    )


def _known(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _cell(value: Any) -> str:
    """Empty where there is nothing to show, or too much."""
    if value is None or value == "" or value == [] or value == {}:
        return ""
    try:
        cell = encode_cell(value)
    except (TypeError, RecursionError):  # orjson's word for too deep, and for half a surrogate, is a TypeError
        return ""
    return cell if len(cell) <= _LONGEST_SHOWN and _is_whole(cell) else ""


def _is_whole(cell: str) -> bool:
    return cell.isascii() or not any("\ud800" <= char <= "\udfff" for char in cell)
