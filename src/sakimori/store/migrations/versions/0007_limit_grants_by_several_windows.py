"""Limit grants by several windows, count usage, and keep what a provider's oversight says"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    window = op.create_table(
        "budget_window",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("microyen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "grant_id", "period", name=op.f("pk_budget_window")),
    )
    booked = op.get_bind().execute(
        sa.text("SELECT tenant, grant_id, window_start, tokens, microyen FROM budget_booked")
    )
    rows: dict[tuple[str, str, str], dict[str, object]] = {}
    for row in booked:
        day = datetime.fromtimestamp(row.window_start // 10**9, UTC).strftime("%Y-%m-%d")
        # Grants gave one budget per day; of one that was written by hand with shorter windows, the fullest counts.
        found = rows.setdefault((row.tenant, row.grant_id, day), {"requests": 0, "tokens": 0, "microyen": 0})
        found["tokens"] = max(found["tokens"], row.tokens)
        found["microyen"] = max(found["microyen"], row.microyen)
    if rows:
        op.bulk_insert(window, [{"tenant": t, "grant_id": g, "period": p, **row} for (t, g, p), row in rows.items()])
    op.drop_table("budget_booked")
    op.drop_column("budget_reservation", "window_start")
    op.create_table(
        "usage_day",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("microyen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant", "day", "model", "purpose", "provider", "outcome", "code", name=op.f("pk_usage_day")
        ),
    )
    op.create_table(
        "oversight_feed",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "feed", name=op.f("pk_oversight_feed")),
    )
    op.create_table(
        "oversight_notice",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "kind", "id", name=op.f("pk_oversight_notice")),
    )
