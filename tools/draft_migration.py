"""Draft a migration: what the tables declared in the code have that the migrations so far do not make.

``.venv/bin/python tools/draft_migration.py 0002 "Keep what people approved"``; then read the draft, format it, and set
``sakimori.store.migrate.HEAD``.
"""

import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from sakimori import access, ledger, store
from sakimori.store.migrate import configuration
from sakimori.store.schema import declare_tables


def main(revision: str, message: str) -> None:
    declare_tables(store, access, ledger)
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'draft.db'}")
        with engine.begin() as connection:
            config = configuration(connection)
            command.upgrade(config, "head")
            command.revision(config, message, autogenerate=True, rev_id=revision)
        engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
