"""Suggests times for a wish: free ones only, by what availability finds."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Annotated, Final
from uuid import UUID

from typing_extensions import Doc

from domain.assistant.suggestion_texts import reason_text
from domain.assistant.suggestions import Criterion, Ranking
from domain.assistant.wishes import Habits, PreferredHours, Wishes, wish_refusals
from domain.bookings.room_starts import SlotSearch
from domain.bookings.slot_facts import SlotRequest
from domain.bookings.slots import Slot
from domain.core.ids import CustomerId, RoomId
from domain.core.local_time import LocalPeriod, local_period
from domain.core.money import Money
from domain.core.refusals import Invalid
from kit.scope import Scope
from models.assistant.habits import last_visits
from models.tenants import Tenant
from models.venue.rooms import Room
from permissions.policy import may, only_own, refusal
from permissions.roles import P
from resolvers.bookings.availability import check_size
from resolvers.bookings.calendars import wish_of
from resolvers.bookings.customer_tags import OwnTags, with_own_tags
from resolvers.bookings.openings import Openings, openings
from resolvers.bookings.public_venue import public
from resolvers.bookings.quotas import accepted_by_quotas
from resolvers.bookings.venue_facts import Venue
from resolvers.customers.customers import customer

LAST_VISITS: Final = 20


@dataclass(frozen=True, slots=True)
class SuggestionRequest:
    """What somebody wishes for, and how many times to suggest."""

    duration_minutes: int
    first_date: date
    last_date: date | None = None
    party_size: int = 1
    preferred_hours: PreferredHours | None = None
    flexible_days: int = 0
    flexible_minutes: int = 120
    budget: Money | None = None
    room_ids: tuple[RoomId, ...] = ()
    categories: tuple[str, ...] = ()
    customer_id: CustomerId | None = None
    first: int = 3

    @property
    def wishes(self) -> Wishes:
        return Wishes(
            self.first_date,
            self.first_date if self.last_date is None else self.last_date,
            self.preferred_hours,
            flexible_days=self.flexible_days,
            flexible_minutes=self.flexible_minutes,
            budget=self.budget,
            room_ids=frozenset(self.room_ids),
            categories=frozenset(each.casefold() for each in self.categories),
        )


@dataclass(frozen=True, slots=True)
class SuggestionReason:
    """How well a suggested time meets a criterion."""

    code: Criterion
    weight: int
    points: int
    text: str


@dataclass(frozen=True, slots=True)
class TimeSuggestion:
    """A free time with its room, and why it is suggested."""

    room: Room
    slot: Slot
    local: LocalPeriod
    score: int
    reasons: tuple[SuggestionReason, ...]

    @property
    def starts_at(self) -> datetime:
        return self.slot.interval.start

    @property
    def ends_at(self) -> datetime:
        return self.slot.interval.end

    @property
    def price(self) -> Money | None:
        return self.slot.price

    @property
    def remaining_seats(self) -> int | None:
        return self.slot.remaining_seats


Input = Annotated[SuggestionRequest, Doc("What to look for, and what is wished for.")]


async def suggest_times(scope: Scope, *, input: Input) -> list[TimeSuggestion] | None:
    """Suggest free times for a booking, the best first.

    Each can be booked when it is suggested: `createBooking` accepts it. They are ranked by how well
    they meet the wishes, the price, the habits of a customer who is logged in or named, and whether
    they leave gaps in the calendar that are too short to book; `reasons` tell how. Times that
    overlap in one room, and more than two rooms at one start, are only suggested if there are too
    few others. Null if there is no such customer. Costs 1 point, plus 20 points for each date that
    is searched.
    """
    return await find_suggestions(scope, input, shows_prices=may(scope.actor, P.PRICES_READ))


async def suggest_times_publicly(
    scope: Scope, venue: Tenant, *, input: Input
) -> list[TimeSuggestion] | None:
    """Suggest free times for a booking, the best first.

    Each is free when it is suggested. They are ranked by how well they meet the wishes, the price,
    and whether they leave gaps in the calendar that are too short to book; `reasons` tell how.
    Costs 1 point, plus 20 points for each date that is searched.
    """
    return await find_suggestions(public(scope, venue.id), input, shows_prices=True)


async def find_suggestions(
    scope: Scope, input: SuggestionRequest, *, shows_prices: bool
) -> list[TimeSuggestion] | None:
    """Returns the best times for what is asked; prices only count where they are shown.

    None if the customer that is named is unknown. Raises Invalid and TooComplex.
    """
    if input.customer_id is not None and not may(scope.actor, P.CUSTOMERS_READ):
        raise refusal(scope.actor, P.CUSTOMERS_READ)
    wishes = input.wishes

    def ask(tags: OwnTags, venue: Venue) -> SlotSearch:
        _check(wishes, input, venue)
        wish = _wish(scope, input, venue, tags.deciding(venue.prices))
        window = wishes.searched(scope.now(), venue.zone)
        check_size(venue, window)
        return SlotSearch(wish, window)

    async def find(tags: OwnTags) -> Openings:
        return await openings(scope, None, partial(ask, tags), explained=False)

    if input.customer_id is None or only_own(scope.actor, P.CUSTOMERS_READ):
        # Customers get no other prices and habits than their own.
        customer_id, found = scope.actor.own_id, await with_own_tags(scope, find)
    else:
        named = await customer(scope, input.customer_id)
        if named is None:
            return None
        customer_id, found = named.id, await find(OwnTags(frozenset(named.tags)))
    return await _ranked(
        scope,
        found,
        input,
        habits=await _habits(scope, found.venue, customer_id),
        shows_prices=shows_prices,
    )


def _check(wishes: Wishes, input: SuggestionRequest, venue: Venue) -> None:
    """Raises Invalid for the first of the wishes that is refused."""
    currency_code = venue.tenant.currency_code
    for refused in wish_refusals(wishes, first=input.first, currency_code=currency_code):
        refused.path = ("input", *refused.path)
        raise refused


def _wish(
    scope: Scope, input: SuggestionRequest, venue: Venue, tags: frozenset[str]
) -> SlotRequest:
    try:
        return wish_of(
            scope,
            venue,
            duration_minutes=input.duration_minutes,
            party_size=input.party_size,
            customer_tags=tags,
        )
    except Invalid as refused:
        refused.path = ("input", *refused.path)
        raise


async def _habits(scope: Scope, venue: Venue, customer_id: UUID | None) -> Habits | None:
    """Returns the habits of a customer whose bookings the caller may read."""
    if customer_id is None or not may(scope.actor, P.BOOKINGS_READ):
        return None
    rows = await scope.rows(last_visits(scope.tenant_id, customer_id, most=LAST_VISITS))
    local = [starts_at.astimezone(venue.zone) for _, starts_at in rows]
    return Habits(
        [RoomId(room_id) for room_id, _ in rows], [each.hour * 60 + each.minute for each in local]
    )


async def _ranked(
    scope: Scope,
    found: Openings,
    input: SuggestionRequest,
    *,
    habits: Habits | None,
    shows_prices: bool,
) -> list[TimeSuggestion]:
    venue = found.venue
    slots = await found.slots(found.search)
    ranking = Ranking(
        [(each, venue.rooms[each.room.id].category) for each in slots],
        input.wishes,
        zone=venue.zone,
        shortest_minutes=max(venue.tenant.min_duration_minutes, venue.tenant.slot_minutes),
        habits=habits,
        shows_prices=shows_prices,
    )
    accepts = await accepted_by_quotas(scope, venue.tenant, ranking.intervals)
    return [
        TimeSuggestion(
            venue.rooms[best.slot.room_id],
            best.slot,
            local_period(best.slot.interval, venue.zone),
            best.score,
            tuple(
                SuggestionReason(
                    fit.criterion, fit.weight, round(fit.points), reason_text(ranking, best, fit)
                )
                for fit in best.fits
            ),
        )
        for best in ranking.best(input.first, accepts=accepts)
    ]
