"""Where the watch over a provider's own oversight stands: how far a feed was read, and which notices wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Named, Table, Text

from sakimori.core import Nanos
from sakimori.store.schema import TenantColumns, metadata
from sakimori.store.transaction import Snapshot, Transaction


class FeedColumns(TenantColumns):
    feed: Named[str] = Column(Text, primary_key=True)
    position: Named[int] = Column(BigInteger)
    """In whatever the feed is ordered by."""


class NoticeColumns(TenantColumns):
    kind: Named[str] = Column(Text, primary_key=True)
    id: Named[str] = Column(Text, primary_key=True)
    """As the provider calls what the notice is about."""
    received_at: Named[int] = Column(BigInteger)
    taken_at: Named[int | None] = Column(BigInteger)
    """When what it is about was fetched and kept; None: not yet."""


feed = Table("oversight_feed", metadata, FeedColumns)
notice = Table("oversight_notice", metadata, NoticeColumns)


@dataclass(frozen=True, slots=True)
class Notice:
    """A provider said that it has something; what that is must be fetched."""

    kind: str
    id: str
    received_at: Nanos


def position(snapshot: Snapshot, name: str) -> int | None:
    """How far a feed was read; None: not at all."""
    found = snapshot.rows(feed).where(feed.c.feed == name).with_only_columns(feed.c.position)
    return snapshot.connection.execute(found).scalar_one_or_none()


def advance(transaction: Transaction, name: str, position: int) -> None:
    transaction.replace(feed, [{"feed": name, "position": position}])


def note(transaction: Transaction, *, kind: str, id: str, now: Nanos) -> None:
    """Keep a notice. One that comes again changes nothing."""
    transaction.insert_missing(notice, [{"kind": kind, "id": id, "received_at": now, "taken_at": None}])


def waiting(snapshot: Snapshot, *, limit: int) -> Sequence[Notice]:
    """Notices of things that were not fetched yet, oldest first."""
    found = snapshot.rows(notice).where(notice.c.taken_at.is_(None))
    found = found.order_by(notice.c.received_at, notice.c.id).limit(limit)
    rows: Any = snapshot.connection.execute(found)
    return [Notice(row.kind, row.id, row.received_at) for row in rows]


def take(transaction: Transaction, found: Notice, *, now: Nanos) -> None:
    """Say that what a notice is about was kept."""
    of_it = (notice.c.kind == found.kind, notice.c.id == found.id)
    transaction.connection.execute(transaction.update(notice).where(*of_it).values(taken_at=now))
