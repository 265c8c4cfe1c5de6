"""From event ids back to raw records, in an export."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sakimori.collect.lake.layout import RAW, Manifest, manifest_path
from sakimori.core import InputError
from sakimori.records import HASH, OFFSET, Source, content_hash, from_json


def exported_records(source: Source, offsets: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """The raw records at these offsets in the export that ``source`` names, part by part.

    Those are left out that are not there, or not as they were when they were exported.
    """
    folder = Path(source.export)
    try:
        manifest = from_json(Manifest, (folder / manifest_path(source.digest)).read_bytes())
    except (OSError, InputError):
        return
    if (manifest.source.digest, manifest.tenant) != (source.digest, source.tenant):
        return
    left = sorted(offsets)
    for part in manifest.parts:
        here = left[bisect_left(left, part.first) : bisect_right(left, part.last)]
        if here:
            yield from _in_part(folder / part.path, here)


def _in_part(path: Path, offsets: Sequence[int]) -> list[tuple[int, bytes]]:
    wanted = pa.array(offsets, pa.int64())
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        here = pc.is_in(file.read([OFFSET], use_threads=False).column(OFFSET), value_set=wanted)
        if not pc.any(here).as_py():
            return []
        rows = file.read([OFFSET, HASH, RAW], use_threads=False).filter(here)
        found = list(zip(*(rows.column(name).to_pylist() for name in (OFFSET, HASH, RAW)), strict=True))
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return []
    return [(offset, raw) for offset, digest, raw in found if content_hash(raw) == digest]
