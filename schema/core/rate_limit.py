"""What the caller may still ask for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import strawberry
from strawberry.types import Info

from kit.graphql.cost import Cost
from kit.operation_context import Operation
from permissions.roles import P
from schema.core.fields import column, declared_field, value


@dataclass(frozen=True, slots=True)
class _Standing:
    cost: int
    limit: int
    remaining: int
    restore_rate: int
    reset_at: datetime


def _standing(info: Info[Operation]) -> Any:
    operation = info.context
    charge = operation.charge
    assert charge is not None, "every operation is charged before it runs"
    missing = charge.maximum - charge.currently_available
    return _Standing(
        cost=operation.cost,
        limit=charge.maximum,
        remaining=charge.currently_available,
        restore_rate=charge.restore_rate,
        reset_at=operation.runtime.clock() + timedelta(seconds=-(-missing // charge.restore_rate)),
    )


@value()
class RateLimit:
    """The caller's rate limit. Every operation spends points, which are restored continuously."""

    cost: int = column("The points that this operation costs.")
    limit: int = column("The maximum number of points that a caller can have.")
    remaining: int = column("The points that remain after this operation.")
    restore_rate: int = column("The points that are restored every second.")
    reset_at: datetime = column(
        "When all points are restored, if the caller sends no further operations."
    )


@strawberry.type
class LimitQueries:
    rate_limit: RateLimit = declared_field(
        _standing,
        "The caller's rate limit, and what this operation costs.",
        requires=P.PUBLIC,
        cost=Cost(1),
        nullable=False,
        personal=True,
    )
