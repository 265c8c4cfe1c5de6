"""Tidying: what commits leave for later is done between them, before one that calls wait for must do it."""

import asyncio

from sakimori.store import Database, StoreError

_SECONDS = 1.0


async def keep_tidy(database: Database) -> None:
    """Tidy every second, until cancelled."""
    while True:
        await asyncio.sleep(_SECONDS)
        try:
            await asyncio.to_thread(database.tidy)
        except StoreError:
            continue  # calls meet what is wrong with the database, and say so
