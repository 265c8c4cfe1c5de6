"""The first schema"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "budget_booked",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("window_start", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("microyen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "grant_id", "window_start", name=op.f("pk_budget_booked")),
    )
    op.create_table(
        "budget_reservation",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("window_start", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("microyen", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_budget_reservation")),
    )
    op.create_index(
        op.f("ix_budget_reservation_tenant_grant_id_made_at"),
        "budget_reservation",
        ["tenant", "grant_id", "made_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_budget_reservation_tenant_state_expires_at"),
        "budget_reservation",
        ["tenant", "state", "expires_at"],
        unique=False,
    )
    op.create_table(
        "evidence",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "event_id", name=op.f("pk_evidence")),
    )
    op.create_table(
        "execution",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_execution")),
    )
    op.create_index(op.f("ix_execution_tenant_incident_id"), "execution", ["tenant", "incident_id"], unique=False)
    op.create_index(op.f("ix_execution_tenant_plan_id"), "execution", ["tenant", "plan_id"], unique=False)
    op.create_index(op.f("ix_execution_tenant_time"), "execution", ["tenant", "time"], unique=False)
    op.create_table(
        "finding",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_finding")),
    )
    op.create_index(op.f("ix_finding_tenant_rule_id"), "finding", ["tenant", "rule_id"], unique=False)
    op.create_index(op.f("ix_finding_tenant_time"), "finding", ["tenant", "time"], unique=False)
    op.create_table(
        "grant",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_grant")),
    )
    op.create_index(op.f("ix_grant_tenant_time"), "grant", ["tenant", "time"], unique=False)
    op.create_table(
        "incident",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_incident")),
    )
    op.create_index(op.f("ix_incident_tenant_status"), "incident", ["tenant", "status"], unique=False)
    op.create_index(op.f("ix_incident_tenant_time"), "incident", ["tenant", "time"], unique=False)
    op.create_table(
        "inventory",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_inventory")),
    )
    op.create_index(op.f("ix_inventory_tenant_time"), "inventory", ["tenant", "time"], unique=False)
    op.create_table(
        "ledger_checkpoint",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "size", name=op.f("pk_ledger_checkpoint")),
    )
    op.create_table(
        "ledger_content",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "position", name=op.f("pk_ledger_content")),
    )
    op.create_index(op.f("ix_ledger_content_tenant_id"), "ledger_content", ["tenant", "id"], unique=False)
    op.create_table(
        "ledger_leaf",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "position", name=op.f("pk_ledger_leaf")),
    )
    op.create_table(
        "ledger_pending",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("arrival", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("arrival", name=op.f("pk_ledger_pending")),
    )
    op.create_index(op.f("ix_ledger_pending_tenant_arrival"), "ledger_pending", ["tenant", "arrival"], unique=False)
    op.create_table(
        "plan",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_plan")),
    )
    op.create_index(op.f("ix_plan_tenant_incident_id"), "plan", ["tenant", "incident_id"], unique=False)
    op.create_index(op.f("ix_plan_tenant_time"), "plan", ["tenant", "time"], unique=False)
    op.create_table(
        "response_journal",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("held_until", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "execution_id", "number", name=op.f("pk_response_journal")),
    )
    op.create_index(
        op.f("ix_response_journal_tenant_started_at"), "response_journal", ["tenant", "started_at"], unique=False
    )
    op.create_index(op.f("ix_response_journal_tenant_state"), "response_journal", ["tenant", "state"], unique=False)
    op.create_table(
        "service_key",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_service_key")),
    )
    op.create_table(
        "source",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_source")),
    )
    op.create_index(op.f("ix_source_tenant_time"), "source", ["tenant", "time"], unique=False)
    op.create_table(
        "vault_token",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "token", name=op.f("pk_vault_token")),
    )
    op.create_table(
        "verdict",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_verdict")),
    )
    op.create_index(op.f("ix_verdict_tenant_incident_id"), "verdict", ["tenant", "incident_id"], unique=False)
    op.create_index(op.f("ix_verdict_tenant_time"), "verdict", ["tenant", "time"], unique=False)
