"""Keeping what findings rest on, so that their events can be shown when the files have moved on."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from sakimori.collect import raw_records_of
from sakimori.core import InputError
from sakimori.records import EventRef, Finding, Source
from sakimori.service.installation import Installation
from sakimori.store import evidence

_COPIED_AT_ONCE = 64
"""Raw records are at most 16 MiB, and nearly always a thousandth of that."""


def keep_evidence(
    install: Installation, findings: Iterable[Finding], source_of: Callable[[str], Source | None]
) -> list[str]:
    """Keep the sources of all events that findings cite, and copies of the raw records; safe to do again.

    ``source_of`` answers the source whose SHA-256 begins with these 24 hex digits, None where it is not known any more.

    Returns:
        One sentence for each source of which no copies could be kept.

    Raises:
        StoreError: the install cannot be written.
    """
    offsets: defaultdict[str, set[int]] = defaultdict(set)
    for finding in findings:
        for ref in map(EventRef.parse, finding.event_ids):
            offsets[ref.digest].add(ref.offset)
    sources = {digest: source for digest in offsets if (source := source_of(digest))}
    if sources:
        with install.database.transaction(install.tenant) as transaction:
            transaction.put(*sources.values())
    problems = [
        f"no copies of evidence were kept: the source with SHA-256 {digest}… is not known any more"
        for digest in offsets.keys() - sources.keys()
    ]
    for source, records in raw_records_of((source, sorted(offsets[digest])) for digest, source in sources.items()):
        try:
            if isinstance(records, InputError):
                raise records
            _copy(install, source, records)
        except InputError as error:
            problems.append(f"no copies of its evidence were kept: {error}")
    return problems


def _copy(install: Installation, source: Source, records: Iterator[tuple[int, bytes]]) -> None:
    while block := list(islice(records, _COPIED_AT_ONCE)):  # read first: transactions hold up other writers
        with install.database.transaction(install.tenant) as transaction:
            for offset, raw in block:
                evidence.put_raw(transaction, EventRef(digest=source.digest[:24], offset=offset).event_id, raw)
