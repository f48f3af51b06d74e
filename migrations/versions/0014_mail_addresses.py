"""Keys of e-mail addresses: lower case and A-labels, where they were case-folded.

Folding made one of straße.de and strasse.de. Customers keep the address as they gave it, so their
key is made anew. Of users only the folded form is there; it stays, as the one that mail went to.

Nobody is merged: a row whose key another one has already keeps its old one, as does what is no
address. `python -m commands.check_addresses` lists them.
"""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa
from alembic import op
from email_validator import EmailNotValidError, validate_email

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# As domain/text.py had it when this was written, and domain/users.py `key_of`: a later change of
# these rules comes with a step of its own.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    chr(code) for code in (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
_BLANK_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})

# The key of any other address is the same in lower case as it was folded.
_PERHAPS_OTHERWISE: Final = """
    SELECT tenant_id, id, email, email_key FROM {table}
    WHERE email ~ '[^ -~]' ORDER BY tenant_id, created_at, id
"""
# Of users, any number may have signed up with an address; one of them has proved it.
OWNERS: Final = {"customers": "true", "users": "(role <> 'CUSTOMER' OR customer_id IS NOT NULL)"}
_REKEY: Final = """
    UPDATE {table} SET email_key = :key
    WHERE tenant_id = :tenant_id AND id = :id AND NOT ({owns} AND EXISTS (
        SELECT FROM {table} AS other
        WHERE other.tenant_id = :tenant_id AND other.email_key = :key AND {owns}))
"""


def upgrade() -> None:
    op.add_column("users", sa.Column("email_key", sa.String(), nullable=True))
    with seeing_all_rows("users"), seeing_all_rows("customers"):
        op.execute("UPDATE users SET email_key = email")
        for table in ("users", "customers"):
            rekey(table)
    op.alter_column("users", "email_key", nullable=False)
    index_users_by("email_key", instead_of="email")


def downgrade() -> None:
    with seeing_all_rows("users"):
        op.execute("UPDATE users SET email = email_key")
    index_users_by("email", instead_of="email_key")
    op.drop_column("users", "email_key")


def index_users_by(column: str, *, instead_of: str) -> None:
    op.drop_index(op.f(f"ix_users_tenant_id_{instead_of}"), table_name="users")
    op.drop_index(op.f(f"uq_users_tenant_id_{instead_of}"), table_name="users")
    op.create_index(
        op.f(f"uq_users_tenant_id_{column}"),
        "users",
        ["tenant_id", column],
        unique=True,
        postgresql_where=sa.text(OWNERS["users"]),
    )
    op.create_index(op.f(f"ix_users_tenant_id_{column}"), "users", ["tenant_id", column])


def rekey(table: str) -> None:
    connection = op.get_bind()
    statement = sa.text(_REKEY.format(table=table, owns=OWNERS[table]))
    for row in connection.execute(sa.text(_PERHAPS_OTHERWISE.format(table=table))).all():
        key = key_of(row.email)
        if key is not None and key != row.email_key:
            values = {"tenant_id": row.tenant_id, "id": row.id, "key": key}
            connection.execute(statement, values)


def key_of(text: str) -> str | None:
    """The part before the @ in lower case, the domain as A-labels; None for what is no address."""
    text = text.strip()
    if any(map(is_invisible, text)):
        return None
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        return None
    local = text.rpartition("@")[0].lower()
    return f"{unicodedata.normalize('NFC', local)}@{found.ascii_domain}"


def is_invisible(letter: str) -> bool:
    return letter in _BLANK or unicodedata.category(letter) in _BLANK_CATEGORIES


@contextmanager
def seeing_all_rows(table: str) -> Iterator[None]:
    """Under forced row-level security the owner, too, would change no row and not be told."""
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    yield
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
