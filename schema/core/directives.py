"""What the SDL says of a field besides its type: points, permission and events.

The names are ones that no federation has a meaning for: `@cost`, `@requires` and `@policy` do.
"""

import strawberry
from strawberry.schema_directive import Location

from domain.core.log_events import EventType


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="points",
    description="The points that a field costs: `weight`, plus, for each item that the largest "
    "of the `multipliers` arguments asks for, 1 point and the cost of the fields "
    "selected on the item. Work that turns out to be larger is charged during "
    "execution.",
)
class PointsDirective:
    weight: int = 1
    multipliers: list[str] | None = strawberry.UNSET


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="emits",
    description="The events that a mutation can add to the tenant's event log.",
)
class EmitsDirective:
    events: list[EventType]
