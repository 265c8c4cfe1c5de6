"""The ledger's tables. Leaves carry no content: it stands apart, so that it can be erased without breaking a proof."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Named, Table, Text

from sakimori.store.schema import TenantColumns, metadata


class PendingColumns(TenantColumns):
    tenant: Named[str] = Column(Text)
    arrival: Named[int] = Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    """Order among the pending of an institution, whose writers take turns; means nothing after sealing.

    All institutions draw from one sequence: who reads these numbers sees how much others write (docs/operations.md), so
    no command shows them and nothing that leaves holds them.
    """
    id: Named[str] = Column(Text)
    salt: Named[bytes] = Column(LargeBinary)
    digest: Named[bytes] = Column(LargeBinary)
    body: Named[bytes] = Column(LargeBinary)


pending = Table("ledger_pending", metadata, PendingColumns)
"""Entries that were written with what they tell of, and have no place in the log yet."""
Index(None, pending.c.tenant, pending.c.arrival)


class LeafColumns(TenantColumns):
    position: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    """0, 1, 2, … without gaps."""
    leaf: Named[bytes] = Column(LargeBinary)
    """64 bytes: the hash of the leaf before, then the salted hash of the content (``ledger.leaf``)."""


leaf = Table("ledger_leaf", metadata, LeafColumns)


class ContentColumns(TenantColumns):
    position: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Named[str] = Column(Text)
    salt: Named[bytes] = Column(LargeBinary)
    body: Named[bytes] = Column(LargeBinary)
    """The entry in canonical JSON."""


content = Table("ledger_content", metadata, ContentColumns)
Index(None, content.c.tenant, content.c.id)


class CheckpointColumns(TenantColumns):
    size: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    note: Named[bytes] = Column(LargeBinary)
    """The signed note, UTF-8."""
    frontier: Named[bytes] = Column(LargeBinary)
    """``merkle.Frontier`` at this size: not signed, but only good if it gives the signed root."""


checkpoint = Table("ledger_checkpoint", metadata, CheckpointColumns)


class CosignatureColumns(TenantColumns):
    size: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    """Of the checkpoint under which it stands."""
    cosigner: Named[str] = Column(Text, primary_key=True)
    """Name and public key, as a vkey."""
    line: Named[str] = Column(Text)
    """The signature line, with its newline."""


cosignature = Table("ledger_cosignature", metadata, CosignatureColumns)


class SequencerColumns(TenantColumns):
    epoch: Named[int] = Column(BigInteger)
    """How many groups were sealed. Each sealing raises it by one, and is undone where another did so first."""


sequencer = Table("ledger_sequencer", metadata, SequencerColumns)
