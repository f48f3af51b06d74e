"""What the SDL says of a field besides its type: cost, permission and events."""

import strawberry
from strawberry.schema_directive import Location

from domain.events import EventType


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="cost",
    description="Static cost of a field, multiplied by the page size for connections; printed in "
    "the SDL and used by the limiter.",
)
class CostDirective:
    weight: int = 1
    multipliers: list[str] | None = strawberry.UNSET


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="emits",
    description="The events that a mutation puts on the tenant's log.",
)
class EmitsDirective:
    events: list[EventType]
