"""Collection: files, folders, archives and followed files in; Arrow batches of events out, one source and kind each.
Other products' alerts come out as the findings that they are.

What cannot be evaluated comes out as ``Rejected``, and each source ends in a ``SourceRead`` that accounts for it:
records read = evaluated + rejected. ``raw_record`` goes back from an event's id to what it came from. Touches no store.
"""

from sakimori.collect.follow import Follower
from sakimori.collect.mapping import LogMapping, MappingError, read_mapping
from sakimori.collect.outcome import AlertRead, Outcome, Progress, Rejected, SourceRead
from sakimori.collect.reading import Item, read
from sakimori.collect.recall import SourceGone, raw_record, raw_records, raw_records_of

__all__ = [
    "AlertRead",
    "Follower",
    "Item",
    "LogMapping",
    "MappingError",
    "Outcome",
    "Progress",
    "Rejected",
    "SourceGone",
    "SourceRead",
    "raw_record",
    "raw_records",
    "raw_records_of",
    "read",
    "read_mapping",
]
