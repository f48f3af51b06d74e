"""The log by type and by time.

The indexes are built while the log is written to, so outside the migration's transaction.
"""

from typing import Final

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

INDEXES: Final = {
    "ix_log_tenant_id_type_position": ["tenant_id", "type", "position"],
    "ix_log_tenant_id_at_position": ["tenant_id", "at", "position"],
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, columns in INDEXES.items():
            # An interrupted build leaves an index that isn't used.
            op.drop_index(op.f(name), table_name="log", if_exists=True)
            op.create_index(op.f(name), "log", columns, postgresql_concurrently=True)


def downgrade() -> None:
    for name in reversed(INDEXES):
        op.drop_index(op.f(name), table_name="log")
