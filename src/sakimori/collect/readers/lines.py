"""Text of one record per line, for the readers of such formats.

Offset: the byte where the line begins. Raw record: the line without its line end. Blank lines are no records.
"""

from collections.abc import Iterator
from typing import BinaryIO

from sakimori.collect.readers import MAX_RECORD, Damage, Note, RawRecord

BOM = b"\xef\xbb\xbf"
_BLOCK = 1024 * 1024


def records(file: BinaryIO, size: int) -> Iterator[RawRecord | Damage | Note]:
    file.seek(0)
    offset = len(BOM) if size >= len(BOM) and file.read(len(BOM)) == BOM else 0
    file.seek(offset)
    left = size - offset
    rest = b""
    while left and (block := file.read(min(_BLOCK, left))):  # a file that shrank is noticed by its digest
        left -= len(block)
        lines = block.split(b"\n")
        lines[0] = rest + lines[0]
        rest = lines.pop()
        for line in lines:
            record = line.rstrip(b"\r")
            if len(line) >= MAX_RECORD:
                yield _too_long(offset, line)
            elif record and not record.isspace():
                yield RawRecord(offset, record)
            offset += len(line) + 1
        if len(rest) > MAX_RECORD:
            yield _too_long(offset, rest)
            offset += len(rest)
            end = 0
            while left and not end and (block := file.read(min(_BLOCK, left))):
                left -= len(block)
                end = block.find(b"\n") + 1
                offset += end or len(block)
            rest = block[end:] if end else b""
    rest = rest.rstrip(b"\r")
    if rest and not rest.isspace():
        yield RawRecord(offset, rest)


def _too_long(offset: int, line: bytes) -> Damage:
    return Damage(offset, f"the line is longer than {MAX_RECORD >> 20} MiB", line)


def record_at(file: BinaryIO, size: int, offset: int) -> bytes:
    if offset > 0:
        before = min(offset, len(BOM))
        file.seek(offset - before)
        lead = file.read(before)
        if not lead.endswith(b"\n") and not (offset == len(BOM) and lead == BOM):
            raise LookupError
    file.seek(offset)
    record = file.readline(min(MAX_RECORD + 1, max(0, size - offset))).rstrip(b"\r\n")
    if not record.strip() or (offset == 0 and record.startswith(BOM)):
        raise LookupError
    return record
