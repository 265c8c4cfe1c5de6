"""JSON lines: one object per line, of any of the shapes in ``collect.shapes``."""

from sakimori.collect.json_records import event
from sakimori.collect.readers.lines import record_at, records

__all__ = ["NAME", "event", "record_at", "records"]

NAME = "ndjson"
