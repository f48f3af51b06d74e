"""Names as they sort and as they are found; phones by their digits.

Worked out in the app, because a server may have no ICU, and the same on every server.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from phonenumbers import NumberParseException, parse
from pyuca import Collator

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# As domain/text.py and domain/phones.py had it when this was written: a later change of these rules
# comes with a step of its own.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    chr(code) for code in (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
_BLANK_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
_PLAIN: Final = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ŧ": "t", "\u0131": "i"}
    | {"æ": "ae", "œ": "oe", "þ": "th"}
)
_FIRST_ACCENT: Final = 10
_LONGEST_KEY: Final = 800
_USUAL: Final = {1: 0x20, 2: 0x02}
_EXTENSION: Final = re.compile(r"(?:x|ext).*", re.IGNORECASE)

AT_ONCE: Final = 2_000
NO_ID: Final = UUID(int=0)


def upgrade() -> None:
    for table in DERIVED:
        op.add_column(table, sa.Column("name_key", sa.Text(collation="C"), nullable=True))
    op.add_column("customers", sa.Column("name_search", sa.String(), nullable=True))
    op.add_column("customers", sa.Column("phone_search", sa.String(), nullable=True))
    op.add_column("rooms", sa.Column("search", sa.String(), nullable=True))
    with seeing_all_rows("customers"), seeing_all_rows("rooms"):
        for table, derived in DERIVED.items():
            fill(table, derived)
    for table, column in (("customers", "name_search"), ("rooms", "search")):
        op.alter_column(table, "name_key", nullable=False)
        op.alter_column(table, column, nullable=False)
        op.drop_index(op.f(f"ix_{table}_tenant_id_name_id"), table_name=table)
        op.create_index(
            op.f(f"ix_{table}_tenant_id_name_key_id"), table, ["tenant_id", "name_key", "id"]
        )


def downgrade() -> None:
    for table, columns in (("customers", ("name_search", "phone_search")), ("rooms", ("search",))):
        op.drop_index(op.f(f"ix_{table}_tenant_id_name_key_id"), table_name=table)
        op.create_index(op.f(f"ix_{table}_tenant_id_name_id"), table, ["tenant_id", "name", "id"])
        for column in ("name_key", *columns):
            op.drop_column(table, column)


def of_customer(row: Any) -> Mapping[str, str | None]:
    return {
        "name_key": sort_key(row.name),
        "name_search": search_form(row.name),
        "phone_search": None if row.phone is None else phone_digits(row.phone),
    }


def of_room(row: Any) -> Mapping[str, str | None]:
    found = f"{search_form(row.name)}\n{search_form(row.description or '')}"
    return {"name_key": sort_key(row.name), "search": found}


def sort_key(name: str) -> str:
    levels: list[list[int]] = [[]]
    for weight in collator().sort_key(name):
        if weight:
            levels[-1].append(weight)
        else:
            levels.append([])
    for level, usual in _USUAL.items():
        while levels[level][-1:] == [usual]:
            levels[level].pop()
    printed = ("".join([f"{weight:04x}" for weight in level]) for level in levels[:3])
    return ".".join(printed)[:_LONGEST_KEY]


@cache
def collator() -> Collator:
    return Collator()


def search_form(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_PLAIN)
    letters = unicodedata.normalize("NFKD", " ".join(folded.split()))
    plain = [each for each in letters if each == " " or not is_beside_the_point(each)]
    return unicodedata.normalize("NFC", "".join(plain))


def is_beside_the_point(letter: str) -> bool:
    return (
        unicodedata.combining(letter) >= _FIRST_ACCENT
        or letter in _BLANK
        or unicodedata.category(letter) in _BLANK_CATEGORIES
    )


def phone_digits(phone: str) -> str:
    text = phone.strip()
    text = f"+{text[2:]}" if text.startswith("00") else text
    if text.startswith("+"):
        try:
            number = parse(text)
        except NumberParseException:
            pass
        else:
            return f"{number.country_code}{number.national_number}"
    return re.sub("[^0-9]", "", _EXTENSION.sub("", phone)).lstrip("0")


DERIVED: Final[Mapping[str, Callable[[Any], Mapping[str, str | None]]]] = {
    "customers": of_customer,
    "rooms": of_room,
}


def fill(table: str, derived: Callable[[Any], Mapping[str, str | None]]) -> None:
    """Work the new columns of all rows out, some rows at a time."""
    connection = op.get_bind()
    of = sa.text(f"""
        SELECT * FROM {table} WHERE (tenant_id, id) > (:tenant_id, :id)
        ORDER BY tenant_id, id LIMIT {AT_ONCE}
    """).columns(tenant_id=sa.Uuid(), id=sa.Uuid())
    last = {"tenant_id": NO_ID, "id": NO_ID}
    while rows := connection.execute(of, last).all():
        values = [{"tenant_id": row.tenant_id, "id": row.id, **derived(row)} for row in rows]
        changes = ", ".join(f"{name} = :{name}" for name in derived(rows[0]))
        connection.execute(
            sa.text(f"UPDATE {table} SET {changes} WHERE tenant_id = :tenant_id AND id = :id"),
            values,
        )
        last = {name: values[-1][name] for name in last}


@contextmanager
def seeing_all_rows(table: str) -> Iterator[None]:
    """Under forced row-level security the owner, too, would change no row and not be told."""
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    yield
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
