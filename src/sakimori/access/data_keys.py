"""Which version of its data keys an institution seals with, and which older ones may still be needed.

A data key of a purpose (``boundary-vault``, …) has versions 1, 2, 3, …, each a secret of its own. What version is used is
a row, read in the transaction that seals: from the commit of a rotation on, no process seals with an older one.
"""

from sqlalchemy import BigInteger, Column, Named, Table, Text

from sakimori.store.schema import TenantColumns, metadata


class DataKeyColumns(TenantColumns):
    purpose: Named[str] = Column(Text, primary_key=True)
    version: Named[int] = Column(BigInteger)
    """With which is sealed. Without a row: 1."""
    oldest: Named[int] = Column(BigInteger)
    """The oldest under which something may still be sealed; below ``version`` while it is being rotated."""


data_key = Table("data_key", metadata, DataKeyColumns)
