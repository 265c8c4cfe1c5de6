"""Collection: files, folders, archives and followed files in; Arrow batches of events out, one source and kind each.
Other products' alerts come out as the findings that they are.

What cannot be evaluated comes out as ``Rejected``, and each source ends in a ``SourceRead`` that accounts for it:
records read = evaluated + rejected. ``raw_record`` goes back from an event's id to what it came from.
``export`` writes events as Parquet, which ``read`` reads back without parsing. Touches no store.
"""

from sakimori.collect.follow import Follower
from sakimori.collect.lake.export import EARLIER, ExportBusy, export
from sakimori.collect.mapping import LogMapping, MappingError, read_mapping
from sakimori.collect.outcome import AlertRead, Item, Outcome, Progress, Rejected, SourceRead
from sakimori.collect.period import ALWAYS, Period
from sakimori.collect.reading import read
from sakimori.collect.recall import SourceGone, raw_record, raw_records, raw_records_of
from sakimori.collect.sources import FoundFile, Survey

__all__ = [
    "ALWAYS",
    "EARLIER",
    "AlertRead",
    "ExportBusy",
    "Follower",
    "FoundFile",
    "Item",
    "LogMapping",
    "MappingError",
    "Outcome",
    "Period",
    "Progress",
    "Rejected",
    "SourceGone",
    "SourceRead",
    "Survey",
    "export",
    "raw_record",
    "raw_records",
    "raw_records_of",
    "read",
    "read_mapping",
]
