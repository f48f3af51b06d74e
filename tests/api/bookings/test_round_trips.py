"""How many round trips to PostgreSQL each change of a booking takes, so that none gets slower."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pytest

from domain.bookings.lifecycle import Status
from kit.runtime import Runtime
from kit.settings import Settings
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import BookingClient, made, rfc
from tests.support.factories import Person, Venue, api_id, make_booking, make_venue
from tests.support.guests import confirm, mailed
from tests.support.statements import round_trips

TUESDAY = datetime(2027, 3, 2, 10, 0, tzinfo=UTC)
THEIRS: Final = 'customer: {name: "Gus", email: "gus@example.test"}'
START: Final = f'start: {{at: "{rfc(TUESDAY)}"}}'
LATER: Final = f'start: {{at: "{rfc(TUESDAY.replace(hour=15))}"}}'
VERSION: Final = "version: 1"


@dataclass(frozen=True, slots=True)
class Story:
    """A venue, where something is prepared, and then a change is counted."""

    api: Api
    runtime: Runtime
    venue: Venue
    person: Person

    @property
    def time(self) -> str:
        """Returns the arguments for a time of the first room."""
        return f'roomId: "{api_id(self.venue.rooms[0])}", {START}, durationMinutes: 60'

    @property
    def place(self) -> str:
        """Returns the same for a guest."""
        return f'subdomain: "{self.venue.tenant.subdomain}", {self.time}'

    async def booking(self, status: Status = Status.CONFIRMED, at: datetime = TUESDAY) -> str:
        """Returns the argument for a booking that is there."""
        booking = await make_booking(self.runtime, self.venue, at, status=status)
        return f'id: "{api_id(booking)}", {VERSION}'

    async def guest(self, *, confirmed: bool = True) -> str:
        """Returns the argument for a guest's booking, as the mail has it."""
        answer = await self.api(
            f"mutation {{ bookAsGuest(input: {{{self.place}, {THEIRS}}}) {{ token }} }}"
        )
        token = mailed(self.runtime, answer.payload["token"])
        if confirmed:
            await confirm(self.api, token)
        return f'token: "{token}"'


async def of_a_hold(story: Story) -> str:
    desk = BookingClient(story.api, story.runtime, story.venue.staff)
    hold = made(await desk.hold(story.venue.rooms[0], TUESDAY))
    return f'createBooking(input: {{holdId: "{hold["id"]}"}})'


async def of_a_guests_hold(story: Story) -> str:
    held = await story.api(f"mutation {{ holdAsGuest(input: {{{story.place}}}) {{ token }} }}")
    given = f'subdomain: "{story.venue.tenant.subdomain}", holdToken: "{held.payload["token"]}"'
    return f"bookAsGuest(input: {{{given}, {THEIRS}}})"


async def after_an_hour(story: Story) -> str:
    token = await story.guest()
    assert isinstance(story.runtime.clock, StoppedClock)
    story.runtime.clock.advance(hours=1)
    return f"cancelGuestBooking(version: 2, input: {{{token}}})"


Prepared = Callable[[Story], Awaitable[str]]


def of(change: str, status: Status = Status.CONFIRMED, at: datetime = TUESDAY) -> Prepared:
    """Prepares a booking, whose arguments take the place of `BOOKING`."""

    async def prepare(story: Story) -> str:
        return change.replace("BOOKING", await story.booking(status, at))

    return prepare


def new(change: str) -> Prepared:
    """Prepares nothing, for a change that makes a booking at the `TIME`, or a guest's `PLACE`."""

    async def prepare(story: Story) -> str:
        return change.replace("TIME", story.time).replace("PLACE", story.place)

    return prepare


def of_guest(change: str, *, confirmed: bool = True) -> Prepared:
    """Prepares a guest's booking, whose code takes the place of `TOKEN`."""

    async def prepare(story: Story) -> str:
        return change.replace("TOKEN", await story.guest(confirmed=confirmed))

    return prepare


def held(change: str) -> Prepared:
    """Prepares a booking of the caller, which is held until it is paid."""

    async def prepare(story: Story) -> str:
        desk = BookingClient(story.api, story.runtime, story.person)
        booking = made(await desk.create(story.venue.rooms[0], TUESDAY))
        return change.replace("BOOKING", f'id: "{booking["id"]}", version: 1')

    return prepare


ROUND_TRIPS: Final[dict[str, tuple[int, Prepared]]] = {
    "createBooking": (1, new("createBooking(input: {TIME})")),
    "createBooking of a hold": (2, of_a_hold),
    "holdBooking": (1, new("holdBooking(input: {TIME})")),
    "updateBooking": (2, of('updateBooking(BOOKING, input: {note: "Hello"})')),
    "rescheduleBooking": (2, of(f"rescheduleBooking(BOOKING, input: {{{LATER}}})")),
    "cancelBooking": (2, of("cancelBooking(BOOKING)")),
    "confirmBooking": (2, of("confirmBooking(BOOKING)", Status.PENDING)),
    "rejectBooking": (2, of("rejectBooking(BOOKING)", Status.PENDING)),
    "checkInBooking": (2, of("checkInBooking(BOOKING)", at=MONDAY_MORNING)),
    "completeBooking": (2, of("completeBooking(BOOKING)", Status.CHECKED_IN)),
    "extendBooking": (2, of("extendBooking(BOOKING, input: {minutes: 30})")),
    "endBookingEarly": (2, of("endBookingEarly(BOOKING)", at=MONDAY_MORNING)),
    "markNoShow": (2, of("markNoShow(BOOKING)", at=MONDAY_MORNING)),
    "holdAsGuest": (10, new("holdAsGuest(input: {PLACE})")),
    "bookAsGuest": (15, new(f"bookAsGuest(input: {{PLACE, {THEIRS}}})")),
    "bookAsGuest of a hold": (16, of_a_guests_hold),
    "confirmGuestBooking": (7, of_guest("confirmGuestBooking(input: {TOKEN})", confirmed=False)),
    "cancelGuestBooking": (8, of_guest("cancelGuestBooking(version: 2, input: {TOKEN})")),
    "cancelGuestBooking after an hour": (3, after_an_hour),
    "rescheduleGuestBooking": (
        3,
        of_guest(f"rescheduleGuestBooking(version: 2, input: {{TOKEN, {LATER}}})"),
    ),
}
ROUND_TRIPS_OF_UNPAID: Final[dict[str, tuple[int, Prepared]]] = {
    "createBooking": (26, new("createBooking(input: {TIME})")),
    "cancelBooking": (30, held("cancelBooking(BOOKING)")),
}
"""The same of customers at a venue that takes the price first, calls of its gateway included."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings of an app with its limits, which guests' holds are counted for."""
    return settings.model_copy(update={"rate_limit": True})


@pytest.mark.parametrize("change", ROUND_TRIPS)
async def test_the_round_trips_of_a_change(api: Api, runtime: Runtime, change: str) -> None:
    expected, prepare = ROUND_TRIPS[change]
    venue = await make_venue(runtime, min_notice_minutes=0)

    assert await counted(Story(api, runtime, venue, venue.manager), prepare) == expected


@pytest.mark.parametrize("change", ROUND_TRIPS_OF_UNPAID)
async def test_the_round_trips_where_the_price_is_paid_first(
    api: Api, runtime: Runtime, change: str
) -> None:
    expected, prepare = ROUND_TRIPS_OF_UNPAID[change]
    venue = await make_venue(runtime, min_notice_minutes=0, payment_policy="full")

    assert await counted(Story(api, runtime, venue, venue.guest), prepare) == expected


async def counted(story: Story, prepare: Prepared) -> int:
    """Returns the round trips of a change, of which only errors are read."""
    # The first one reads the facts that are kept.
    desk = BookingClient(story.api, story.runtime, story.venue.manager)
    made(await desk.create(story.venue.rooms[1], TUESDAY))
    mutation = await prepare(story)

    caller = BookingClient(story.api, story.runtime, story.person)
    with round_trips(story.runtime) as sent:
        answer = await caller(f"mutation {{ {mutation} {{ userErrors {{ code message }} }} }}")

    assert answer.payload == {"userErrors": []}
    return len(sent)
