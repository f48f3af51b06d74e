"""Suggestions of times: free slots that meet wishes best, with reasons."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import strawberry

from domain.assistant.suggestions import Criterion
from domain.assistant.wishes import PreferredHours
from kit.graphql.cost import DEFAULT_PAGE_SIZE, Cost
from permissions.roles import P
from resolvers.assistant import suggestions
from schema.bookings.bookings import LocalPeriod
from schema.bookings.public_venue import Venue, VenueRoom
from schema.core.enums import describe
from schema.core.fields import column, computed, extends, query, value
from schema.core.inputs import input_type
from schema.core.money import Money
from schema.venue.rooms import Room

describe(
    Criterion,
    "What decides about the rank of a suggested time. Expect values to be added.",
    name="SuggestionCriterion",
    TIME="How close the start is to the preferred hours. Weight 30, if hours are preferred.",
    DATE="How close the date is to the wished ones. Weight 20, if days are flexible.",
    PRICE="Whether the price is within the budget, or without a budget how cheap it is. Weight 20, "
    "if any of the rooms has a price.",
    ROOM="Whether the room is a wished one. Weight 20, if rooms or categories are wished for.",
    HABIT="How many of the customer's last 20 visits were in the room, and how many started within "
    "an hour of the time of day. Weight 15, if there are at least 3.",
    GAP="Whether the time before and after it is still long enough for the venue's shortest "
    "booking, or none is left. Weight 15.",
    SIZE="How much of the room's capacity the party needs. Weight 10.",
)
input_type(
    PreferredHours,
    "Local times between which a booking is to start, both included.",
    name="PreferredHoursInput",
    from_="The earliest start that is preferred.",
    until="The latest start that is preferred, from 24:00 to 30:00 after midnight: 26:00 is 02:00 "
    "of the next date.",
)
input_type(
    suggestions.SuggestionRequest,
    "What to suggest times for. Only `durationMinutes`, `partySize` and how far a time may stray "
    "are conditions; the rest are wishes, which decide the order.",
    name="SuggestTimesInput",
    nulls=False,
    duration_minutes="The duration of the booking in minutes: 1 to 44,700.",
    first_date="The first wished date, in the venue's time zone.",
    last_date="The last wished date; by default the first one. With flexible days on both sides, "
    "at most 31 dates are searched.",
    party_size="The number of people.",
    preferred_hours="When the booking should start; at any time by default.",
    flexible_days="How many days before and after the wished dates are good too: 0 to 14.",
    flexible_minutes="How many minutes before and after the preferred hours a start is good too: 0 "
    "to 720.",
    budget="The most that the booking should cost. Dearer times are suggested after others.",
    room_ids="The rooms that are wished for: at most 100.",
    categories="The categories of rooms that are wished for, in upper or lower case: at most 20.",
    customer_id="The customer to book for, whose habits count and whose tags may decide about the "
    "price. Requires `customers:read`; customers always get their own.",
    first="How many times to suggest: 1 to 10.",
)


@value(suggestions.SuggestionReason)
class SuggestionReason:
    """How well a suggested time meets a criterion."""

    code: Criterion = column("The criterion, for programs.")
    weight: int = column("How many points the criterion gives at most.")
    points: int = column("How many points the time gets, rounded.")
    text: str = column("How well the time meets it: a sentence in English, for a person.")


@value(suggestions.TimeSuggestion)
class TimeSuggestion:
    """A time that can be booked, and why it is suggested."""

    room: Room = column("The room to book.")
    starts_at: datetime = column("When the booking would start.")
    ends_at: datetime = column("When the booking would end.")
    local: LocalPeriod = column("The start and end in the venue's local time.")
    price: Money | None = column(
        "The price, or null if the room has no price.", requires=P.PRICES_READ
    )
    remaining_seats: int | None = column(
        "The size of the largest party that could book it, or null if the room is booked as a "
        "whole."
    )
    score: int = column(
        "How good it is: the points of its reasons as a percentage of their weights, 0 to 100."
    )
    reasons: list[SuggestionReason] = column(
        "How well it meets each criterion that applies: at most 7."
    )


@value()
class VenueTimeSuggestion:
    """The public data of a time that is free, and why it is suggested."""

    room: VenueRoom = column("The room to book.")
    starts_at: datetime = column("When the booking would start.")
    ends_at: datetime = column("When the booking would end.")
    local: LocalPeriod = column("The start and end in the venue's local time.")
    price: Money | None = column("The price, or null if the room has no price.")
    remaining_seats: int | None = column(
        "The size of the largest party that could book it, or null if the room is booked as a "
        "whole."
    )
    score: int = column(
        "How good it is: the points of its reasons as a percentage of their weights, 0 to 100."
    )
    reasons: list[SuggestionReason] = column(
        "How well it meets each criterion that applies: at most 7."
    )


def _searched(given: Mapping[str, Any]) -> int:
    """Returns how many dates of so many rooms as are charged by default are searched."""
    wished = given["input"]
    # What refuses a null comes later.
    last = wished.get("lastDate") or wished["firstDate"]
    dates: int = (last - wished["firstDate"]).days + 1
    flexible: int = wished["flexibleDays"]
    return max(dates + 2 * flexible, 1) * DEFAULT_PAGE_SIZE


COST = Cost(1, size=_searched)


@extends(Venue)
class VenueSuggestions:
    suggest_times: list[VenueTimeSuggestion] | None = computed(
        suggestions.suggest_times_publicly, cost=COST
    )


@strawberry.type
class SuggestionQueries:
    suggest_times: list[TimeSuggestion] | None = query(
        suggestions.suggest_times, requires=P.AVAILABILITY_READ, cost=COST
    )
