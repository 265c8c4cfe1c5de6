from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from pyarrow import NativeFile, Schema, Table

class Statistics:
    has_min_max: bool
    min: Any
    max: Any

class ColumnChunkMetaData:
    total_uncompressed_size: int
    statistics: Statistics | None

class RowGroupMetaData:
    total_byte_size: int
    num_rows: int
    def column(self, i: int) -> ColumnChunkMetaData: ...

class ParquetSchema:
    names: list[str]

class FileMetaData:
    num_rows: int
    num_row_groups: int
    metadata: dict[bytes, bytes] | None
    schema: ParquetSchema
    def row_group(self, i: int) -> RowGroupMetaData: ...

class ParquetFile:
    metadata: FileMetaData
    def __init__(
        self,
        source: str | Path | NativeFile,
        *,
        metadata: FileMetaData | None = None,
        read_dictionary: Sequence[str] | None = None,
        page_checksum_verification: bool = False,
    ) -> None: ...
    def read(self, columns: Sequence[str] | None = None, use_threads: bool = True) -> Table: ...

class ParquetWriter:
    def __init__(
        self,
        where: str | Path | NativeFile,
        schema: Schema,
        *,
        compression: str = "snappy",
        use_dictionary: bool | Sequence[str] = True,
        dictionary_pagesize_limit: int | None = None,
        write_statistics: bool | Sequence[str] = True,
        write_page_checksum: bool = False,
        store_schema: bool = True,
    ) -> None: ...
    def __enter__(self) -> ParquetWriter: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def add_key_value_metadata(self, key_value_metadata: Mapping[str | bytes, str | bytes]) -> None: ...
    def write_table(self, table: Table, row_group_size: int | None = None) -> None: ...

def read_metadata(where: str | Path | NativeFile) -> FileMetaData: ...
def write_table(table: Table, where: str | Path | NativeFile) -> None: ...
