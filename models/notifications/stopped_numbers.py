"""Phone numbers whose owners have answered STOP."""

from datetime import datetime

from sqlalchemy import Delete, Select, delete, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlmodel import Field, SQLModel, col

from models.core.base import INSTANT


class StoppedNumber(SQLModel, table=True):
    """A number to which no SMS is sent any more.

    ``key`` is a hash of it. Rows belong to no tenant: all of them send from the same number, and
    whoever answers it doesn't tell them apart.
    """

    __tablename__ = "stopped_numbers"

    key: str = Field(primary_key=True)
    stopped_at: datetime = Field(sa_type=INSTANT)


def stopped(key: str) -> Select[StoppedNumber]:
    return select(StoppedNumber).where(col(StoppedNumber.key) == key)


def number_stopped(key: str, *, at: datetime) -> Insert:
    return insert(StoppedNumber).values(key=key, stopped_at=at).on_conflict_do_nothing()


def number_started(key: str) -> Delete:
    return delete(StoppedNumber).where(col(StoppedNumber.key) == key)
