"""What visitors of a venue's public page do."""

import datetime

import strawberry

from domain.analytics.behaviour import FunnelDay as CountedDay
from domain.analytics.behaviour import TrackedEvent, VisitorAction
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.analytics import behaviour
from schema.analytics.analytics import Analytics
from schema.core.enums import describe
from schema.core.fields import column, computed, extends, value
from schema.core.inputs import input_type
from schema.core.mutations import mutation, payload

describe(
    VisitorAction,
    "What a visitor of a venue's public page did. Expect values to be added.",
    VIEWED="The visitor saw the venue's page.",
    SEARCHED="The visitor looked for free times.",
    HELD="The visitor held a time.",
    BOOKED="The visitor booked.",
)
input_type(
    TrackedEvent,
    "An event of a visitor.",
    name="TrackedEventInput",
    nulls=False,
    id="A random id of the client's choice, 1 to 64 characters: the same if the event is sent "
    "again, so that it is counted once.",
    action="What the visitor did.",
)


@value(CountedDay)
class FunnelDay:
    """What visitors did on a date of the venue."""

    date: datetime.date = column("The date.")
    viewed: int = column("How often the page was viewed.")
    searched: int = column("How often visitors looked for free times.")
    held: int = column("How often visitors held a time.")
    booked: int = column("How often visitors booked.")
    conversion: float | None = column("`booked` / `viewed`, to 4 digits, or null without a view.")


@extends(Analytics)
class AnalyticsFunnel:
    funnel: list[FunnelDay] = computed(behaviour.funnel, cost=Cost(10))


@payload
class TrackEventsPayload:
    """The result of `trackEvents`."""

    counted: int | None = column(
        "How many events were new and are counted, or null if the mutation was refused."
    )


@strawberry.type
class BehaviourMutations:
    track_events: TrackEventsPayload | None = mutation(behaviour.track_events, requires=P.PUBLIC)
