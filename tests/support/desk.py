"""A client for bookings, as one person of a venue."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kit.runtime import Runtime
from kit.security.tokens import Tokens
from models.bookings.bookings import Booking
from models.venue.rooms import Room
from tests.support.client import Answer, Api
from tests.support.factories import Person, api_id

BOOKING = """
fragment Booked on Booking {
  id reference version status allowedTransitions startsAt endsAt holdExpiresAt partySize note
  createdAt updatedAt
  room { id name }
  customer { id name }
  local { timeZone start end utcOffsetStart utcOffsetEnd }
  price {
    lines { label startsAt endsAt minutes amount { amount currencyCode } }
    subtotal { amount } discount { amount } tax { amount } total { amount currencyCode }
  }
}
"""
REFUSAL = """
fragment Refused on UserError {
  __typename code message path
  ... on SlotConflictError {
    conflicts { roomId startsAt endsAt }
    alternatives { room { id name } startsAt endsAt state }
  }
  ... on SlotUnavailableError { reasons { code message rule freesAt } }
  ... on CheckInNotOpenError { opensAt }
  ... on PlanLimitError { limit used resetsAt requiredPlan }
  ... on StaleVersionError { current { id ... on Booking { version status note } } }
}
"""
SLOT = """
fragment Shown on Slot {
  room { id name } startsAt endsAt state remainingSeats price { amount currencyCode }
  reasons { code message rule freesAt }
}
"""


@dataclass(frozen=True, slots=True)
class BookingClient:
    """A client of one person, whose access token is always valid."""

    api: Api
    runtime: Runtime
    person: Person

    async def __call__(self, text: str, **variables: Any) -> Answer:
        token, _ = self.tokens.sign(
            tenant_id=self.person.user.tenant_id,
            user_id=self.person.user.id,
            session_id=self.person.session.id,
            now=self.runtime.clock(),
        )
        return await self.api(text, variables, token=token)

    @property
    def tokens(self) -> Tokens:
        found = self.runtime.services[Tokens]
        assert isinstance(found, Tokens)
        return found

    # -------------------------------------------------------------------------- making

    async def hold(
        self, room: Room, at: datetime | str, *, minutes: int = 60, **given: Any
    ) -> Answer:
        arguments = {"roomId": api_id(room), "start": {"at": rfc(at)}, "durationMinutes": minutes}
        return await self._mutate("holdBooking", "booking", {**arguments, **given}, replays=True)

    async def create(
        self, room: Room, at: datetime | str, *, minutes: int = 60, **given: Any
    ) -> Answer:
        arguments = {"roomId": api_id(room), "start": {"at": rfc(at)}, "durationMinutes": minutes}
        return await self._mutate("createBooking", "booking", {**arguments, **given}, replays=True)

    async def convert(self, hold: Mapping[str, Any], **given: Any) -> Answer:
        return await self._mutate(
            "createBooking", "booking", {"holdId": hold["id"], **given}, replays=True
        )

    # -------------------------------------------------------------------------- changing

    async def move(
        self, booking: Mapping[str, Any], at: datetime | str, room: Room | None = None, **given: Any
    ) -> Answer:
        arguments = {
            "start": {"at": rfc(at)},
            **({"roomId": api_id(room)} if room else {}),
            **given,
        }
        return await self.change("rescheduleBooking", booking, arguments)

    async def update(self, booking: Mapping[str, Any], **given: Any) -> Answer:
        return await self.change("updateBooking", booking, given)

    async def cancel(self, booking: Mapping[str, Any], **given: Any) -> Answer:
        return await self.change("cancelBooking", booking, given)

    async def confirm(self, booking: Mapping[str, Any]) -> Answer:
        return await self.change("confirmBooking", booking)

    async def reject(self, booking: Mapping[str, Any]) -> Answer:
        return await self.change("rejectBooking", booking)

    async def check_in(self, booking: Mapping[str, Any]) -> Answer:
        return await self.change("checkInBooking", booking)

    async def extend(self, booking: Mapping[str, Any], **given: Any) -> Answer:
        return await self.change("extendBooking", booking, given)

    async def end_early(self, booking: Mapping[str, Any]) -> Answer:
        return await self.change("endBookingEarly", booking)

    async def complete(self, booking: Mapping[str, Any]) -> Answer:
        return await self.change("completeBooking", booking)

    async def no_show(self, booking: Mapping[str, Any]) -> Answer:
        return await self.change("markNoShow", booking)

    async def change(
        self, mutation: str, booking: Mapping[str, Any], input: Mapping[str, Any] | None = None
    ) -> Answer:
        """Runs a mutation of a booking by its id and version, with ``input``, if given."""
        several = mutation in ("rescheduleBooking", "cancelBooking")
        shown = "bookings" if several else "booking"
        if input is None:
            arguments, given = "$id: ID!, $version: Int!", "id: $id, version: $version"
            variables: dict[str, Any] = {}
        else:
            kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
            arguments = f"$id: ID!, $version: Int!, $input: {kind}"
            given, variables = "id: $id, version: $version, input: $input", {"input": input}
        return await self(
            f"""mutation ({arguments}) {{ {mutation}({given}) {{
                  {shown} {{ ...Booked }} {"replayed" if several else ""}
                  userErrors {{ ...Refused }}
                }} }} {BOOKING} {REFUSAL}""",
            id=booking["id"],
            version=booking["version"],
            **variables,
        )

    async def _mutate(
        self, mutation: str, shown: str, given: Mapping[str, Any], *, replays: bool = False
    ) -> Answer:
        kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
        return await self(
            f"""mutation ($input: {kind}) {{ {mutation}(input: $input) {{
                  {shown} {{ ...Booked }} {"replayed" if replays else ""}
                  userErrors {{ ...Refused }}
                }} }} {BOOKING} {REFUSAL}""",
            input=dict(given),
        )

    # -------------------------------------------------------------------------- reading

    async def booking(self, id: str) -> Any:
        """Returns the current state of a booking; None if the person can't see it."""
        text = f"query ($id: ID!) {{ booking(id: $id) {{ ...Booked }} }} {BOOKING}"
        return (await self(text, id=id)).payload

    async def bookings(self, **filter: Any) -> Any:
        """Returns the first page of bookings that meet a filter."""
        text = f"""query ($filter: BookingFilter) {{
            bookings(filter: $filter) {{ nodes {{ ...Booked }} }} }} {BOOKING}"""
        return (await self(text, filter=filter)).payload["nodes"]

    async def history(self, booking: Mapping[str, Any]) -> Any:
        """Returns a booking's history, the oldest entry first."""
        text = """query ($id: ID!) { booking(id: $id) { history(first: 50) { nodes {
            type at reason actor { kind name } changes { field before after } } } } }"""
        return (await self(text, id=booking["id"])).payload["history"]["nodes"]

    async def available(self, since: datetime | str, until: datetime | str, **query: Any) -> Any:
        """Returns availability and other selected fields, by default for an hour and one person."""
        return (await self.availability(since, until, **query)).payload

    async def availability(
        self, since: datetime | str, until: datetime | str, **query: Any
    ) -> Answer:
        wanted = {"from": rfc(since), "to": rfc(until), "durationMinutes": 60, **query}
        return await self(
            f"""query ($query: AvailabilityQuery!) {{ availability(query: $query) {{
                  slots {{ ...Shown }} nextFreeSlot {{ ...Shown }} computedAt cursor
                }} }} {SLOT}""",
            query=wanted,
        )

    async def explain(
        self,
        room: Room,
        start: datetime | str | Mapping[str, Any],
        *,
        minutes: int = 60,
        party: int = 1,
    ) -> Answer:
        return await self(
            f"""query ($room: ID!, $start: StartInput!, $minutes: Int!, $party: Int!) {{
                  explainSlot(
                    roomId: $room, start: $start, durationMinutes: $minutes, partySize: $party
                  ) {{ ...Shown }}
                }} {SLOT}""",
            room=api_id(room),
            start=start if isinstance(start, Mapping) else {"at": rfc(start)},
            minutes=minutes,
            party=party,
        )


def made(answer: Answer) -> Any:
    """Returns the booking or bookings of a mutation that wasn't refused."""
    assert answer.refusals == [], answer.payload["userErrors"]
    payload = answer.payload
    return payload["booking"] if "booking" in payload else payload["bookings"]


def moved(answer: Answer) -> Any:
    """Returns the only booking of a mutation that may return several."""
    (only,) = made(answer)
    return only


def refused(answer: Answer) -> Any:
    """Returns the only refusal of a mutation."""
    (only,) = answer.payload["userErrors"]
    return only


def shown(booking: Booking) -> dict[str, Any]:
    """Returns the id and version of a stored booking, for mutations."""
    return {"id": api_id(booking), "version": booking.version}


def rfc(at: datetime | str) -> str:
    """Returns an instant as the API prints it."""
    if isinstance(at, str):
        return at
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
