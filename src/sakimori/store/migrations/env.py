"""Alembic's entry: runs the migrations on the connection, and in the transaction, that ``store.migrate`` hands over."""

from typing import Any, Literal

from alembic import context

from sakimori.store.schema import AnyText, metadata


def _render(_kind: str, item: Any, _context: object) -> str | Literal[False]:
    """A migration says what is in the database, which knows no types of ours."""
    return "sa.Text()" if isinstance(item, AnyText) else False


context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_item=_render)
context.run_migrations()
