"""The waitlist: who gets what becomes free, for how long, and who comes next."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from jobs.expire_holds import expire_holds
from jobs.waitlist import tend_waitlists
from kit.postgres.connection_urls import DatabaseUrls
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.bookings.test_seats import give_seats
from tests.api.notifications.notices import deliveries, mails, text_of
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.desk import REFUSAL, BookingClient, made, refused, rfc
from tests.support.factories import Venue, api_id, make_venue, make_waitlist_entry
from tests.support.guests import confirm
from tests.support.work import run_due_jobs

ENTRY = """fragment Shown on WaitlistEntry {
  id status position startsAt durationMinutes partySize offerExpiresAt
  dates { first last earliest latest } rooms { id } customer { id }
  booking { id status version startsAt holdExpiresAt room { id } }
}"""
TUESDAY = "2027-03-02T10:00:00Z"

STORED = """
    SELECT EXISTS (SELECT FROM notification_deliveries AS row WHERE strpos(row::text, $1) > 0)
        OR EXISTS (SELECT FROM log AS row WHERE strpos(row::text, $1) > 0)
"""


class Queue:
    """What one person does with the waitlist."""

    def __init__(self, desk: BookingClient) -> None:
        self.desk = desk

    async def join(self, at: str | None = TUESDAY, **given: Any) -> Answer:
        start = {} if at is None else {"start": {"at": at}}
        return await self.desk(
            f"""mutation ($input: JoinWaitlistInput!) {{ joinWaitlist(input: $input) {{
                  entry {{ ...Shown }} replayed userErrors {{ ...Refused
                    ... on LimitError {{ limit used }} }} }} }} {ENTRY} {REFUSAL}""",
            input={**start, "durationMinutes": 60, **given},
        )

    async def answer(self, mutation: str, entry: Mapping[str, Any]) -> Answer:
        return await self.desk(
            f"""mutation ($id: ID!) {{ {mutation}(id: $id) {{
                  entry {{ ...Shown }} userErrors {{ ...Refused }} }} }} {ENTRY} {REFUSAL}""",
            id=entry["id"],
        )

    async def entries(self, **filter: Any) -> list[Any]:
        answer = await self.desk(
            f"""query ($filter: WaitlistFilter) {{ waitlist(first: 250, filter: $filter) {{
                  nodes {{ ...Shown }} }} }} {ENTRY}""",
            filter=filter or None,
        )
        return answer.data["waitlist"]["nodes"]  # type: ignore[no-any-return]


def entry_of(answer: Answer) -> Any:
    assert answer.payload["userErrors"] == [], answer.payload
    return answer.payload["entry"]


@pytest.fixture
def staff(api: Api, runtime: Runtime, venue: Venue) -> Queue:
    return Queue(BookingClient(api, runtime, venue.staff))


@pytest.fixture
def guest(api: Api, runtime: Runtime, venue: Venue) -> Queue:
    return Queue(BookingClient(api, runtime, venue.guest))


def for_customer(venue: Venue, **given: Any) -> dict[str, Any]:
    return {"customer": {"id": api_id(venue.other_customer)}, **given}


# ------------------------------------------------------------------------------ the story


async def test_a_cancelled_time_goes_to_the_first_then_to_the_next(
    runtime: Runtime, clock: StoppedClock, venue: Venue, staff: Queue, guest: Queue
) -> None:
    room = venue.rooms[0]
    rooms: Any = {"roomIds": [api_id(room)]}
    booked = made(await staff.desk.create(room, TUESDAY))
    first = entry_of(await guest.join(**rooms))
    second = entry_of(await staff.join(**for_customer(venue, **rooms)))
    await run_due_jobs(runtime)
    assert [(each["status"], each["position"]) for each in await staff.entries()] == [
        ("WAITING", 1),
        ("WAITING", 2),
    ]

    made(await staff.desk.cancel(booked))
    await run_due_jobs(runtime)

    offered, waiting = await staff.entries()
    assert (offered["id"], offered["status"], offered["position"]) == (first["id"], "OFFERED", None)
    assert (waiting["id"], waiting["status"], waiting["position"]) == (second["id"], "WAITING", 1)
    assert offered["booking"]["status"] == "HELD"
    assert offered["booking"]["startsAt"] == TUESDAY
    assert offered["booking"]["holdExpiresAt"] == offered["offerExpiresAt"]

    declined = entry_of(await guest.answer("declineWaitlistOffer", offered))
    assert (declined["status"], declined["booking"]["status"]) == ("DECLINED", "CANCELLED")
    await run_due_jobs(runtime)
    (next_one,) = await staff.entries(statuses=["OFFERED"])
    assert next_one["id"] == second["id"]

    accepted = entry_of(await staff.answer("acceptWaitlistOffer", next_one))
    assert (accepted["status"], accepted["booking"]["status"]) == ("ACCEPTED", "CONFIRMED")
    assert accepted["booking"]["id"] == next_one["booking"]["id"]


# ------------------------------------------------------------------------------ what frees time


async def wait_on_tuesday(guest: Queue, **given: Any) -> Any:
    dates = {"first": "2027-03-02", "last": "2027-03-02", **given}
    return entry_of(await guest.join(None, dates=dates))


async def offered_start(runtime: Runtime, queue: Queue) -> str | None:
    """Returns the start that the only entry is offered once all jobs have run."""
    await run_due_jobs(runtime)
    (entry,) = await queue.entries()
    return entry["booking"]["startsAt"] if entry["status"] == "OFFERED" else None


async def test_a_time_that_is_free_already_is_offered_to_who_joins(
    runtime: Runtime, guest: Queue
) -> None:
    joined = await wait_on_tuesday(guest, earliest="14:00", latest="15:30")

    assert (joined["status"], joined["dates"]) == (
        "WAITING",
        {"first": "2027-03-02", "last": "2027-03-02", "earliest": "14:00", "latest": "15:30"},
    )
    # 14:00 in Berlin.
    assert await offered_start(runtime, guest) == "2027-03-02T13:00:00Z"


@pytest.mark.parametrize("frees", ["move", "shorten", "expiry", "no-show", "reject", "early end"])
async def test_whatever_frees_a_booked_time_leads_to_an_offer(
    api: Api, runtime: Runtime, clock: StoppedClock, relay: Database, frees: str
) -> None:
    venue = await make_venue(runtime, rooms=1, min_notice_minutes=0, requires_confirmation=True)
    staff, guest = (Queue(BookingClient(api, runtime, each)) for each in (venue.staff, venue.guest))
    room, start = venue.rooms[0], clock.now + timedelta(hours=2)
    wanted = rfc(start + timedelta(hours=1))
    hold = made(await staff.desk.hold(room, start, minutes=120))
    booked = hold if frees == "expiry" else made(await staff.desk.convert(hold))
    if frees not in ("expiry", "reject"):
        booked = made(await staff.desk.confirm(booked))
    entry_of(await guest.join(wanted))
    assert await offered_start(runtime, guest) is None

    match frees:
        case "move":
            made(await staff.desk.move(booked, start + timedelta(days=1)))
        case "shorten":
            made(await staff.desk.move(booked, start, durationMinutes=60))
        case "expiry":
            clock.advance(minutes=6)
            await expire_holds(runtime, relay)
        case "reject":
            made(await staff.desk.reject(booked))
        case "early end":
            clock.advance(minutes=125)
            present = made(await staff.desk.check_in(booked))
            made(await staff.desk.change("endBookingEarly", present))
        case "no-show":
            clock.advance(minutes=125)
            made(await staff.desk.no_show(booked))

    assert await offered_start(runtime, guest) == wanted


async def test_the_time_of_a_hall_is_offered_to_who_waits_for_a_half(
    api: Api, runtime: Runtime
) -> None:
    venue = await make_venue(runtime, rooms=3)
    hall, left, right = map(api_id, venue.rooms)
    staff, guest = (Queue(BookingClient(api, runtime, each)) for each in (venue.staff, venue.guest))
    parts = """mutation ($id: ID!, $parts: [ID!]!) {
        setRoomParts(id: $id, version: 1, partIds: $parts) { userErrors { message } } }"""
    divided = await api(parts, {"id": hall, "parts": [left, right]}, token=venue.owner.token)
    assert divided.payload["userErrors"] == []
    booked = made(await staff.desk.create(venue.rooms[0], TUESDAY))
    entry_of(await guest.join(roomIds=[right]))
    assert await offered_start(runtime, guest) is None

    made(await staff.desk.cancel(booked))

    assert await offered_start(runtime, guest) == TUESDAY
    # The hall waits for its half now.
    refusal = refused(await staff.desk.create(venue.rooms[0], TUESDAY))
    assert refusal["code"] == "SLOT_TAKEN"


async def test_the_seats_of_a_class_are_offered_to_as_many_as_they_are_for(
    runtime: Runtime, venue: Venue, staff: Queue, guest: Queue
) -> None:
    room = venue.rooms[0]
    await give_seats(BookingClient(staff.desk.api, runtime, venue.manager), room, 5)
    made(await staff.desk.create(room, TUESDAY, partySize=2))
    booked = made(await staff.desk.create(room, TUESDAY, partySize=3))
    rooms: Any = {"roomIds": [api_id(room)]}
    for size in (2, 4, 1):
        entry_of(await guest.join(partySize=size, **rooms))
    await run_due_jobs(runtime)
    assert [each["status"] for each in await guest.entries()] == ["WAITING"] * 3

    made(await staff.desk.update(booked, partySize=1))
    await run_due_jobs(runtime)
    assert [each["status"] for each in await guest.entries()] == ["OFFERED", "WAITING", "WAITING"]

    made(await staff.desk.cancel({**booked, "version": 2}))
    await run_due_jobs(runtime)
    assert [each["status"] for each in await guest.entries()] == ["OFFERED", "WAITING", "OFFERED"]


SPECIAL_HOURS = """mutation ($input: SetHoursExceptionInput!) {
  setHoursException(input: $input) { exception { id } userErrors { message } } }"""


async def test_a_time_at_which_the_venue_opens_is_offered(
    api: Api, runtime: Runtime, venue: Venue, guest: Queue
) -> None:
    closed: dict[str, Any] = {"date": "2027-03-02", "intervals": []}
    await api(SPECIAL_HOURS, {"input": closed}, token=venue.manager.token)
    await wait_on_tuesday(guest)
    assert await offered_start(runtime, guest) is None

    opened = {**closed, "intervals": [{"opensAt": "18:00", "closesAt": "19:00"}]}
    await api(SPECIAL_HOURS, {"input": opened}, token=venue.manager.token)

    assert await offered_start(runtime, guest) == "2027-03-02T17:00:00Z"


async def test_a_time_is_offered_once_bookings_open_for_it(
    api: Api, runtime: Runtime, clock: StoppedClock, relay: Database
) -> None:
    venue = await make_venue(runtime, max_advance_days=7)
    guest = Queue(BookingClient(api, runtime, venue.guest))
    start = clock.now + timedelta(days=7, minutes=30)
    entry_of(await guest.join(rfc(start)))
    await tend_waitlists(runtime, relay)
    assert await offered_start(runtime, guest) is None

    clock.advance(minutes=31)
    await tend_waitlists(runtime, relay)

    assert await offered_start(runtime, guest) == rfc(start)


# ------------------------------------------------------------------------------ whose turn it is


async def test_customers_with_the_venues_tag_come_first(
    api: Api, runtime: Runtime, venue: Venue, staff: Queue, guest: Queue
) -> None:
    booked = [made(await staff.desk.create(room, TUESDAY)) for room in venue.rooms]
    settings = """mutation { updateTenantSettings(version: 1, input: {
        waitlistPriorityTag: " Member " }) { tenant { settings { waitlistPriorityTag } }
        userErrors { message } } }"""
    saved = await api(settings, token=venue.owner.token)
    assert saved.payload["tenant"]["settings"] == {"waitlistPriorityTag": "Member"}
    tag = 'mutation ($id: ID!) { tagCustomer(id: $id, version: 1, tags: ["member"]) {'
    await api(f"{tag} userErrors {{ code }} }} }}", {"id": api_id(venue.other_customer)},
              token=venue.owner.token)  # fmt: skip
    entry_of(await guest.join())
    entry_of(await staff.join(**for_customer(venue)))
    await run_due_jobs(runtime)
    assert [each["position"] for each in await staff.entries()] == [2, 1]

    made(await staff.desk.cancel(booked[0]))
    await run_due_jobs(runtime)

    (offered,) = await staff.entries(statuses=["OFFERED"])
    assert offered["customer"]["id"] == api_id(venue.other_customer)


async def test_an_expired_offer_goes_to_the_next(
    runtime: Runtime, clock: StoppedClock, relay: Database, venue: Venue, staff: Queue, guest: Queue
) -> None:
    rooms: Any = {"roomIds": [api_id(venue.rooms[0])]}
    first = entry_of(await guest.join(**rooms))
    entry_of(await staff.join(**for_customer(venue, **rooms)))
    await run_due_jobs(runtime)

    clock.advance(hours=24)
    late = refused(await guest.answer("acceptWaitlistOffer", first))
    await expire_holds(runtime, relay)
    await run_due_jobs(runtime)

    assert (late["code"], late["path"]) == ("HOLD_EXPIRED", ["id"])
    # The notice of an hour ends before the 15 minutes.
    assert [(each["status"], each["offerExpiresAt"]) for each in await staff.entries()] == [
        ("EXPIRED", "2027-03-02T09:00:00Z"),
        ("WAITING", None),
    ]
    again = refused(await guest.answer("acceptWaitlistOffer", first))
    assert again["code"] == "HOLD_EXPIRED"


async def test_an_entry_whose_time_passes_expires(
    api: Api, runtime: Runtime, clock: StoppedClock, relay: Database, venue: Venue, guest: Queue
) -> None:
    await api(SPECIAL_HOURS, {"input": {"date": "2027-03-02", "intervals": []}},
              token=venue.manager.token)  # fmt: skip
    waiting = entry_of(await guest.join())

    clock.advance(days=2)
    await tend_waitlists(runtime, relay)

    assert [each["status"] for each in await guest.entries()] == ["EXPIRED"]
    passed = refused(await guest.answer("acceptWaitlistOffer", waiting))
    assert (passed["code"], passed["message"]) == (
        "INVALID_TRANSITION",
        "The time that this entry waited for has passed.",
    )


# ------------------------------------------------------------------------------ answers


async def test_the_hold_can_be_booked_and_cancelled_as_any_other(
    runtime: Runtime, guest: Queue, staff: Queue, venue: Venue
) -> None:
    entry_of(await guest.join())
    entry_of(await staff.join(**for_customer(venue)))
    await run_due_jobs(runtime)
    own, other = await staff.entries()

    made(await guest.desk.convert(own["booking"]))
    made(await staff.desk.cancel(other["booking"]))
    await run_due_jobs(runtime)

    assert [(each["status"], each["booking"]["status"]) for each in await staff.entries()] == [
        ("ACCEPTED", "CONFIRMED"),
        ("DECLINED", "CANCELLED"),
    ]


async def offered_and_mailed(runtime: Runtime) -> None:
    await run_due_jobs(runtime)
    # The offer is an event itself.
    await run_due_jobs(runtime)


async def test_the_code_of_the_mail_books_what_is_offered(
    api: Api, runtime: Runtime, settings: Settings, guest: Queue
) -> None:
    entry_of(await guest.join())
    await offered_and_mailed(runtime)

    (mail,) = mails(settings)
    text = " ".join(text_of(mail).split())
    assert str(mail["Subject"]).startswith("A time is free for you at Venue")
    assert "When: Tuesday, March 2, 2027, 11:00" in text
    # The notice of an hour ends before the 24 hours.
    assert "Held until: Tuesday, March 2, 2027, 10:00" in text
    done = await confirm(api, text.partition("Code: ")[2].split()[0])

    assert done.payload["booking"]["status"] == "CONFIRMED"
    assert [each["status"] for each in await guest.entries()] == ["ACCEPTED"]


async def test_the_venue_words_the_offer_and_its_code_is_stored_nowhere(
    api: Api,
    runtime: Runtime,
    settings: Settings,
    database: DatabaseUrls,
    venue: Venue,
    guest: Queue,
) -> None:
    template = """mutation ($input: UpdateNotificationTemplateInput!) {
        updateNotificationTemplate(version: 0, input: $input) { userErrors { message } } }"""
    text = {"subject": "Schnell sein", "body": "Noch zu haben: {rooms}. Mit {code} ist es deins."}
    given = {"kind": "WAITLIST_OFFERED", "channel": "EMAIL", "locale": "de", **text}
    await api(template, {"input": given}, token=venue.manager.token)
    customer = """mutation ($id: ID!) { updateCustomer(id: $id, version: 1,
        input: {locale: "de"}) { userErrors { message } } }"""
    await api(customer, {"id": api_id(venue.customer)}, token=venue.manager.token)

    entry_of(await guest.join())
    await offered_and_mailed(runtime)

    (mail,) = mails(settings)
    words = text_of(mail).split()
    code = words[words.index("Mit") + 1]
    assert str(mail["Subject"]) == "Schnell sein"
    assert " ".join(words).startswith(f"Noch zu haben: Room 1. Mit {code} ist es deins.")
    manager = BookingClient(api, runtime, venue.manager)
    told = await deliveries(manager, kinds=["WAITLIST_OFFERED"], channels=["EMAIL"])
    assert told == ["WAITLIST_OFFERED EMAIL SENT"]
    connection = await asyncpg.connect(database.owner)
    assert await connection.fetchval(STORED, "WAITLIST_OFFERED")
    assert not await connection.fetchval(STORED, code)
    await connection.close()
    assert (await confirm(api, code)).payload["booking"]["status"] == "CONFIRMED"


async def test_who_has_left_can_not_answer_any_more(
    runtime: Runtime, guest: Queue, staff: Queue
) -> None:
    waiting = entry_of(await guest.join())
    early = refused(await guest.answer("acceptWaitlistOffer", waiting))
    await run_due_jobs(runtime)

    left = entry_of(await guest.answer("leaveWaitlist", waiting))
    answers = [
        refused(await guest.answer(each, waiting))
        for each in ("leaveWaitlist", "acceptWaitlistOffer", "declineWaitlistOffer")
    ]

    assert (early["code"], early["message"]) == ("INVALID_TRANSITION", "No time is offered yet.")
    assert (left["status"], left["booking"]["status"]) == ("LEFT", "CANCELLED")
    assert {(each["code"], each["message"]) for each in answers} == {
        ("INVALID_TRANSITION", "This entry has ended; join the waitlist again.")
    }


async def test_an_entry_of_another_is_unknown(
    runtime: Runtime, venue: Venue, guest: Queue, staff: Queue
) -> None:
    other = entry_of(await staff.join(**for_customer(venue)))
    await run_due_jobs(runtime)

    refusals = [
        refused(await guest.answer(each, other))
        for each in ("leaveWaitlist", "acceptWaitlistOffer", "declineWaitlistOffer")
    ]

    assert {each["code"] for each in refusals} == {"NOT_FOUND"}
    assert await guest.entries() == []
    assert [each["status"] for each in await staff.entries()] == ["OFFERED"]


# ------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"start": None}, "INVALID", ["input", "start"]),
        ({"dates": {"first": "2027-03-02", "last": "2027-03-03"}}, "INVALID", ["input", "start"]),
        ({"start": {"at": "2027-02-02T10:00:00Z"}}, "INVALID", ["input", "start"]),
        ({"start": {"at": "2027-03-02T10:10:00Z"}}, "OFF_GRID", ["input", "start"]),
        ({"partySize": 90}, "CAPACITY_EXCEEDED", ["input", "partySize"]),
        ({"partySize": 0}, "INVALID", ["input", "partySize"]),
        ({"durationMinutes": 5}, "MIN_DURATION", ["input", "durationMinutes"]),
        ({"durationMinutes": 10**9}, "INVALID", ["input", "durationMinutes"]),
        ({"roomIds": []}, "INVALID", ["input", "roomIds"]),
        ({"roomIds": ["Um9vbTow"]}, "NOT_FOUND", ["input", "roomIds", "0"]),
        (
            {"start": None, "dates": {"first": "2027-03-02", "last": "2027-06-02"}},
            "INVALID",
            ["input", "dates", "last"],
        ),
    ],
    ids=str,
)
async def test_what_can_never_be_offered_is_refused(
    guest: Queue, given: dict[str, Any], code: str, path: list[str]
) -> None:
    wanted = {"start": {"at": TUESDAY}, **given}
    refusal = refused(await guest.join(None, **{k: v for k, v in wanted.items() if v is not None}))

    assert (refusal["code"], refusal["path"]) == (code, path)
    assert await guest.entries() == []


async def test_a_customer_waits_for_twenty_times_at_most(
    runtime: Runtime, clock: StoppedClock, guest: Queue, venue: Venue
) -> None:
    for number in range(20):
        await make_waitlist_entry(runtime, venue, clock.now + timedelta(days=number + 3))

    refusal = refused(await guest.join())

    assert (refusal["code"], refusal["limit"], refusal["used"]) == ("QUOTA_EXCEEDED", 20, 20)


async def test_the_team_names_who_waits_and_a_customer_no_one_else(
    staff: Queue, guest: Queue, venue: Venue
) -> None:
    nobody = refused(await staff.join())
    other = refused(await guest.join(**for_customer(venue)))
    new = entry_of(await staff.join(customer={"new": {"name": "New", "email": "new@b.test"}}))

    assert (nobody["code"], nobody["path"]) == ("REQUIRED", ["input", "customer"])
    assert (other["code"], other["path"]) == ("NOT_FOUND", ["input", "customer", "id"])
    assert new["status"] == "WAITING"


async def test_a_quota_passes_the_time_on(
    api: Api, runtime: Runtime, venue: Venue, guest: Queue, staff: Queue
) -> None:
    quota = """mutation { createQuota(input: { measure: BOOKINGS, period: DAY, limit: 1 }) {
        userErrors { message } } }"""
    assert (await api(quota, token=venue.owner.token)).payload["userErrors"] == []
    made(await guest.desk.create(venue.rooms[0], "2027-03-02T15:00:00Z"))
    await wait_on_tuesday(guest)
    entry_of(await staff.join(**for_customer(venue)))

    await run_due_jobs(runtime)

    assert [each["status"] for each in await staff.entries()] == ["WAITING", "OFFERED"]
