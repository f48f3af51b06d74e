"""Clients that update availability by events, and a venue with random changes."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from kit.runtime import Runtime
from tests.support.client import Answer, Api, Live, Stream
from tests.support.clock import StoppedClock
from tests.support.desk import SLOT, BookingClient, rfc
from tests.support.factories import Person, Venue

TOLD: Final = f"fragment Told on Slot {{ ...Shown room {{ capacity version }} }} {SLOT}"
CHANGES: Final = f"""
subscription ($query: AvailabilityQuery!, $after: EventCursor) {{
  availabilityChanged(query: $query, after: $after) {{
    __typename
    ... on AvailabilityDelta {{
      cursor upserted {{ ...Told }} removed {{ roomId startsAt }}
    }}
    ... on ResyncRequired {{ cursor reason }}
  }}
}}
{TOLD}
"""
EVERYTHING: Final = """
query ($times: DateTimeRange!, $from: Date!, $to: Date!) {
  tenant { version }
  rooms(first: 50) { nodes { id version archivedAt } }
  bookings(first: 100, filter: {status: {in: [HELD, PENDING, CONFIRMED]}}) {
    nodes { id version status }
  }
  blackouts(overlaps: $times) { id }
  hoursExceptions(from: $from, to: $to) { id }
}
"""

Slots = dict[tuple[str, str], Any]


@dataclass(slots=True)
class Calendar:
    """One client's availability: read once, then updated by events."""

    query: Mapping[str, Any]
    slots: Slots = field(default_factory=dict)
    cursor: str | None = None
    stream: Stream | None = None
    deltas: int = 0
    resyncs: int = 0

    async def follow(self, client: Live) -> None:
        """Subscribes after the cursor of the read."""
        self.stream = await client.subscribe(CHANGES, {"query": self.query, "after": self.cursor})

    async def leave(self, client: Live) -> None:
        """Unsubscribes, and drops events that are on their way."""
        assert self.stream is not None
        await client.stop(self.stream)
        self.stream = None

    async def take(self, *, within: float = 60) -> None:
        """Applies the next event. Raises TimeoutError."""
        assert self.stream is not None
        event = (await self.stream.next(within=within))["availabilityChanged"]
        self.cursor = event["cursor"]
        if event["__typename"] == "ResyncRequired":
            self.resyncs += 1
            return
        assert event["upserted"] or event["removed"], "an empty delta"
        self.deltas += 1
        for each in event["upserted"]:
            self.slots[key_of(each)] = each
        for each in event["removed"]:
            self.slots.pop((each["roomId"], each["startsAt"]), None)

    async def until_as(self, fresh: Slots) -> None:
        """Applies events until the state equals a read. Raises AssertionError."""
        while True:
            while self.stream is not None and not self.stream.messages.empty():
                await self.take()
            if self.slots == fresh:
                return
            try:
                await self.take(within=20)
            except TimeoutError:
                assert self.slots == fresh


async def read_anew(desk: BookingClient, calendars: Sequence[Calendar]) -> list[tuple[Slots, str]]:
    """Reads each client's availability and its cursor."""
    parts = [
        f"c{number}: availability(query: $q{number}) {{ cursor slots {{ ...Told }} }}"
        for number in range(len(calendars))
    ]
    declared = ", ".join(f"$q{number}: AvailabilityQuery!" for number in range(len(calendars)))
    queries = {f"q{number}": each.query for number, each in enumerate(calendars)}
    answer = await desk(f"query ({declared}) {{ {' '.join(parts)} }} {TOLD}", **queries)
    return [
        ({key_of(slot): slot for slot in each["slots"]}, each["cursor"])
        for each in answer.data.values()
    ]


def key_of(slot: Mapping[str, Any]) -> tuple[str, str]:
    return slot["room"]["id"], slot["startsAt"]


@dataclass(slots=True)
class Turmoil:
    """Random changes of everything that decides availability, including the clock."""

    api: Api
    runtime: Runtime
    venue: Venue
    clock: StoppedClock
    draw: random.Random
    noon: datetime
    done: int = 0

    async def change(self) -> str:
        """Makes one change, which may be refused, and returns its name."""
        kinds = [
            *4 * [self._book],
            *3 * [self._hold],
            *3 * [self._end],
            *3 * [self._move],
            self._extend,
            self._end_early,
            *2 * [self._wait],
            self._convert,
            self._party,
            self._weekly_hours,
            self._exception,
            self._usual_hours,
            self._blackout,
            self._end_blackout,
            self._room,
            self._parts,
            self._archive,
            self._settings,
            self._zone,
        ]
        kind = self.draw.choice(kinds)
        answer = await kind()
        if answer is not None and not answer.refusals:
            self.done += 1
        return kind.__name__

    # -------------------------------------------------------------------------- bookings

    async def _book(self) -> Answer | None:
        return await self._mutate(self.venue.staff, "createBooking", await self._wanted())

    async def _hold(self) -> Answer | None:
        return await self._mutate(self.venue.staff, "holdBooking", await self._wanted())

    async def _wanted(self) -> Mapping[str, Any]:
        room, *others = self.draw.sample(await self._rooms(), 2)
        return {
            "roomId": room["id"],
            "alsoRoomIds": [each["id"] for each in others[: self.draw.choice([0, 0, 1])]],
            "start": {"at": self._time()},
            "durationMinutes": self.draw.choice([30, 60, 90]),
            "partySize": self.draw.choice([1, 1, 2]),
        }

    async def _convert(self) -> Answer | None:
        booking = await self._one_of("HELD")
        if booking is None:
            return None
        return await self._mutate(self.venue.staff, "createBooking", {"holdId": booking["id"]})

    async def _end(self) -> Answer | None:
        booking = await self._one_of("HELD", "PENDING", "CONFIRMED")
        if booking is None:
            return None
        mutation = "cancelBooking"
        if booking["status"] == "PENDING":
            mutation = self.draw.choice(["confirmBooking", "rejectBooking"])
        given: dict[str, Any] | None = {} if mutation == "cancelBooking" else None
        return await self._edited(self.venue.staff, mutation, booking, given)

    async def _move(self) -> Answer | None:
        booking = await self._one_of("PENDING", "CONFIRMED")
        if booking is None:
            return None
        given: dict[str, Any] = {"start": {"at": self._time()}}
        if self.draw.random() < 0.5:
            given["roomId"] = self.draw.choice((await self._everything())["rooms"]["nodes"])["id"]
        return await self._edited(self.venue.staff, "rescheduleBooking", booking, given)

    async def _party(self) -> Answer | None:
        booking = await self._one_of("PENDING", "CONFIRMED")
        if booking is None:
            return None
        given = {"partySize": self.draw.randint(1, 3)}
        return await self._edited(self.venue.staff, "updateBooking", booking, given)

    async def _extend(self) -> Answer | None:
        booking = await self._one_of("PENDING", "CONFIRMED")
        if booking is None:
            return None
        given = {"minutes": self.draw.choice([15, 30, 60])}
        return await self._edited(self.venue.staff, "extendBooking", booking, given)

    async def _end_early(self) -> Answer | None:
        booking = await self._one_of("CONFIRMED")
        if booking is None:
            return None
        return await self._edited(self.venue.staff, "endBookingEarly", booking, None)

    async def _one_of(self, *statuses: str) -> Any:
        bookings = (await self._everything())["bookings"]["nodes"]
        found = [each for each in bookings if each["status"] in statuses]
        return self.draw.choice(found) if found else None

    # -------------------------------------------------------------------------- the rules

    async def _wait(self) -> Answer | None:
        self.clock.advance(minutes=self.draw.choice([1, 4, 6, 20, 45]), seconds=self.draw.random())
        self.done += 1
        return None

    async def _weekly_hours(self) -> Answer | None:
        days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
        hours = [{"weekday": day, "intervals": self._hours()} for day in days]
        given: dict[str, Any] = {
            "hours": [] if self.draw.random() < 0.3 else hours,
            **await self._maybe_room(),
        }
        if not given.get("roomId"):
            given["hours"] = hours
        return await self._mutate(self.venue.owner, "setBusinessHours", given)

    async def _exception(self) -> Answer | None:
        day = self.noon.date() + timedelta(days=self.draw.randint(-1, 2))
        given = {"date": str(day), "intervals": self._hours(), **await self._maybe_room()}
        return await self._mutate(self.venue.owner, "setHoursException", given)

    async def _usual_hours(self) -> Answer | None:
        return await self._gone("deleteHoursException", "hoursExceptions")

    async def _blackout(self) -> Answer | None:
        start = self._instant()
        end = start + timedelta(minutes=self.draw.randint(5, 300))
        given = {"startsAt": rfc(start), "endsAt": rfc(end), **await self._maybe_room()}
        return await self._mutate(self.venue.owner, "createBlackout", given)

    async def _end_blackout(self) -> Answer | None:
        return await self._gone("deleteBlackout", "blackouts")

    async def _room(self) -> Answer | None:
        room = self.draw.choice((await self._everything())["rooms"]["nodes"])
        given: Mapping[str, Any] = self.draw.choice(
            [
                {"bufferBeforeMinutes": self.draw.choice([0, 10, 30])},
                {"bufferAfterMinutes": self.draw.choice([0, 15, 45])},
                {"hourlyRate": {"amount": str(self.draw.randint(1, 90)), "currencyCode": "EUR"}},
                {"capacity": self.draw.choice([1, 2, 8])},
                {"seats": self.draw.choice([None, 2, 4]), "capacity": 8},
                {"name": f"Room {self.draw.randint(1, 99)}"},
            ]
        )
        return await self._edited(self.venue.owner, "updateRoom", room, given)

    async def _parts(self) -> Answer | None:
        room, *others = self.draw.sample(await self._rooms(), 2)
        text = """mutation ($id: ID!, $version: Int!, $parts: [ID!]!) {
            setRoomParts(id: $id, version: $version, partIds: $parts) {
              userErrors { code message } } }"""
        parts = [each["id"] for each in others[: self.draw.choice([0, 1, 1])]]
        owner = self._as(self.venue.owner)
        return await owner(text, id=room["id"], version=room["version"], parts=parts)

    async def _archive(self) -> Answer | None:
        rooms = (await self._everything())["rooms"]["nodes"]
        room = self.draw.choice(rooms)
        if room["archivedAt"]:
            return await self._edited(self.venue.owner, "unarchiveRoom", room, None)
        if sum(each["archivedAt"] is None for each in rooms) > 1:
            return await self._edited(self.venue.owner, "archiveRoom", room, None)
        return await self._mutate(self.venue.owner, "createRoom", {"name": "Other", "capacity": 3})

    async def _settings(self) -> Answer | None:
        given: Mapping[str, Any] = self.draw.choice(
            [
                {"slotMinutes": self.draw.choice([15, 20, 30, 60])},
                {"minNoticeMinutes": self.draw.choice([0, 45, 60, 600])},
                {"maxAdvanceDays": self.draw.choice([1, 2, 90])},
                {"minDurationMinutes": self.draw.choice([15, 30, 75])},
                {"requiresConfirmation": self.draw.choice([True, False])},
                {"holdMinutes": self.draw.choice([1, 5, 30])},
            ]
        )
        version = (await self._everything())["tenant"]["version"]
        return await self._rules("updateTenantSettings", version, given)

    async def _zone(self) -> Answer | None:
        zones = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Europe/Berlin"]
        version = (await self._everything())["tenant"]["version"]
        return await self._rules("updateTenant", version, {"timeZone": self.draw.choice(zones)})

    # -------------------------------------------------------------------------- steps

    async def _rooms(self) -> Any:
        return (await self._everything())["rooms"]["nodes"]

    async def _everything(self) -> Any:
        day = self.noon.date()
        times = {
            "gte": rfc(self.noon - timedelta(days=3)),
            "lt": rfc(self.noon + timedelta(days=9)),
        }
        span = {"from": str(day - timedelta(days=3)), "to": str(day + timedelta(days=9))}
        return (await self._as(self.venue.owner)(EVERYTHING, times=times, **span)).data

    async def _mutate(self, by: Person, mutation: str, given: Mapping[str, Any]) -> Answer:
        kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
        text = f"""mutation ($input: {kind}) {{
            {mutation}(input: $input) {{ userErrors {{ code message }} }} }}"""
        return await self._as(by)(text, input=given)

    async def _edited(
        self, by: Person, mutation: str, row: Mapping[str, Any], given: Mapping[str, Any] | None
    ) -> Answer:
        kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
        declared, passed = (
            (f", $input: {kind}", ", input: $input") if given is not None else ("", "")
        )
        text = f"""mutation ($id: ID!, $version: Int!{declared}) {{
            {mutation}(id: $id, version: $version{passed}) {{ userErrors {{ code message }} }} }}"""
        arguments = {} if given is None else {"input": given}
        return await self._as(by)(text, id=row["id"], version=row["version"], **arguments)

    async def _rules(self, mutation: str, version: int, given: Mapping[str, Any]) -> Answer:
        kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
        text = f"""mutation ($version: Int!, $input: {kind}) {{
            {mutation}(version: $version, input: $input) {{ userErrors {{ code message }} }} }}"""
        return await self._as(self.venue.owner)(text, version=version, input=given)

    async def _gone(self, mutation: str, kind: str) -> Answer | None:
        rows = (await self._everything())[kind]
        if not rows:
            return None
        text = f"mutation ($id: ID!) {{ {mutation}(id: $id) {{ userErrors {{ code }} }} }}"
        return await self._as(self.venue.owner)(text, id=self.draw.choice(rows)["id"])

    async def _maybe_room(self) -> dict[str, Any]:
        if self.draw.random() < 0.5:
            return {}
        return {"roomId": self.draw.choice((await self._everything())["rooms"]["nodes"])["id"]}

    def _hours(self) -> Sequence[Mapping[str, str]]:
        """Returns hours: all day, or from some hour to another, which may be past midnight."""
        if self.draw.random() < 0.5:
            return [{"opensAt": "00:00", "closesAt": "24:00"}]
        opens = self.draw.randint(0, 20)
        return [
            {"opensAt": f"{opens:02}:00", "closesAt": f"{self.draw.randint(opens + 1, 28):02}:30"}
        ]

    def _instant(self) -> datetime:
        return self.noon + timedelta(minutes=15 * self.draw.randint(-80, 160))

    def _time(self) -> str:
        return rfc(self._instant())

    def _as(self, person: Person) -> BookingClient:
        return BookingClient(self.api, self.runtime, person)
