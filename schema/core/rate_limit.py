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
    """The points the caller may still spend. They leak back all the time."""

    cost: int = column("What this operation costs.")
    limit: int = column("The most that can be saved up.")
    remaining: int = column("What is left now that this operation is paid.")
    restore_rate: int = column("How many come back a second.")
    reset_at: datetime = column("When all of them are back, if nothing more is asked for.")


@strawberry.type
class LimitQueries:
    rate_limit: RateLimit = declared_field(
        _standing,
        "What the caller may still ask for.",
        requires=P.PUBLIC,
        cost=Cost(1),
        nullable=False,
        personal=True,
    )
