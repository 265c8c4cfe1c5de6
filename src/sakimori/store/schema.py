"""Where tables are declared, and the one rule they share: every row belongs to an institution.

A repository declares its table in its own module, on ``metadata``, with columns that extend ``TenantColumns``::

    class VaultColumns(TenantColumns):
        token: Named[str] = Column(primary_key=True)
        ciphertext: Named[bytes]

    vault = Table("vault_token", metadata, VaultColumns)

and reaches it only through ``Snapshot.rows`` and ``Transaction.insert``, ``replace``, ``update`` and ``delete``, which
add the institution. There is nothing to register: a test imports every module of ``store``, ``access`` and ``ledger``
and compares ``metadata`` with what the migrations make; it fails until ``migrations/versions`` has the table.
"""

from sqlalchemy import Column, LargeBinary, MetaData, Named, Table, Text, TypedColumns

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class TenantColumns(TypedColumns):
    """The first column of every table: the institution. Part of every primary key."""

    tenant: Named[str] = Column(Text, primary_key=True)


class EvidenceColumns(TenantColumns):
    event_id: Named[str] = Column(Text, primary_key=True)
    raw: Named[bytes] = Column(LargeBinary)


evidence = Table("evidence", metadata, EvidenceColumns)
"""Raw records of events that findings rest on, kept when the source itself may go."""
