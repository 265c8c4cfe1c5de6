"""What the columns of an ``EventBatch`` are made of, for those who make or read them."""

import pyarrow as pa

FIELD_TYPE = pa.dictionary(pa.int32(), pa.string())
"""The type of every source field: null where the event has no such field, else a cell (see ``encode_cell``)."""
