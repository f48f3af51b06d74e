"""What the SDL says of a field besides its type: points, permission and events.

The names are ones that no federation has a meaning for: `@cost`, `@requires` and `@policy` do.
"""

import strawberry
from strawberry.schema_directive import Location

from domain.core.log_events import EventType


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="points",
    description="The points that a field costs: `weight`, and where there are multipliers, for "
    "every item of the largest of them 1 and what is selected below. What answering takes beyond "
    "that is charged as it is answered.",
)
class PointsDirective:
    weight: int = 1
    multipliers: list[str] | None = strawberry.UNSET


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="emits",
    description="The events that a mutation puts on the tenant's log.",
)
class EmitsDirective:
    events: list[EventType]
