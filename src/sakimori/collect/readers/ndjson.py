"""JSON lines: one object per line (NXLog and OTRF, Winlogbeat, evtx-json, Log Analytics, helpdesk tickets).

Offset: the byte where the line begins. Raw record: the line without its line end. Blank lines are no records.
"""

from collections.abc import Iterator
from typing import BinaryIO

from sakimori.collect.readers import MAX_RECORD, Damage, Note, RawRecord

NAME = "ndjson"
BOM = b"\xef\xbb\xbf"


def records(file: BinaryIO, size: int) -> Iterator[RawRecord | Damage | Note]:
    file.seek(0)
    offset = len(BOM) if size >= len(BOM) and file.read(len(BOM)) == BOM else 0
    file.seek(offset)
    readline = file.readline
    while offset < size:
        line = readline(min(MAX_RECORD + 1, size - offset))
        if not line:
            return  # the file shrank since its size was taken; the caller notices by its digest
        if len(line) > MAX_RECORD:
            start = offset
            excerpt = line
            while line and not line.endswith(b"\n"):
                offset += len(line)
                line = readline(min(MAX_RECORD, size - offset))
            offset += len(line)
            yield Damage(start, f"the line is longer than {MAX_RECORD >> 20} MiB", excerpt)
            continue
        record = line.rstrip(b"\r\n")
        if record.strip():
            yield RawRecord(offset, record)
        offset += len(line)


def record_at(file: BinaryIO, size: int, offset: int) -> bytes:
    if offset > 0:
        before = min(offset, len(BOM))
        file.seek(offset - before)
        lead = file.read(before)
        if not lead.endswith(b"\n") and not (offset == len(BOM) and lead == BOM):
            raise LookupError
    file.seek(offset)
    record = file.readline(min(MAX_RECORD + 1, max(0, size - offset))).rstrip(b"\r\n")
    if not record.strip():
        raise LookupError
    return record
