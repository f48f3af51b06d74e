"""Sign-ups: an address is a customer's only once it is proved, so that any number may try.

Whoever signed up with a known address was refused, which told that it is known; and whoever signed
up with another's kept its owner out.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OWNS_ADDRESS: Final = "role <> 'CUSTOMER' OR customer_id IS NOT NULL"


def upgrade() -> None:
    op.drop_constraint(op.f("uq_users_tenant_id_email"), "users", type_="unique")
    op.create_index(
        "uq_users_tenant_id_email",
        "users",
        ["tenant_id", "email"],
        unique=True,
        postgresql_where=sa.text(OWNS_ADDRESS),
    )
    op.create_index(op.f("ix_users_tenant_id_email"), "users", ["tenant_id", "email"])


def downgrade() -> None:
    # All but one of an address would break the constraint: those are closed, under another name.
    op.execute("ALTER TABLE users NO FORCE ROW LEVEL SECURITY")
    op.execute(
        f"""
        UPDATE users SET email = id || '@sign-up.invalid', deactivated_at = now()
        WHERE NOT ({OWNS_ADDRESS}) AND EXISTS (
            SELECT FROM users AS other
            WHERE other.tenant_id = users.tenant_id AND other.email = users.email
                AND other.id <> users.id
        )
        """
    )
    op.execute("ALTER TABLE users FORCE ROW LEVEL SECURITY")
    op.drop_index(op.f("ix_users_tenant_id_email"), table_name="users")
    op.drop_index("uq_users_tenant_id_email", table_name="users")
    op.create_unique_constraint(op.f("uq_users_tenant_id_email"), "users", ["tenant_id", "email"])
