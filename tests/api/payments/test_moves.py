"""Moving a booking keeps its terms: no more is refunded than by cancelling."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from kit.settings import Settings
from tests.api.payments.test_refunds import REFUND, STEPS, cancel
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import made, moved, refused
from tests.support.factories import Venue, api_id, make_venue
from tests.support.till import PaymentsApp, opened

FRIDAY = MONDAY_MORNING + timedelta(days=4)
NEXT_FRIDAY = FRIDAY + timedelta(days=7)
SECOND = timedelta(seconds=1)
ANY_TIME: dict[str, Any] = {"change_minutes_before": 0}
SEEN = """query ($id: ID!) { booking(id: $id) {
  id version status startsAt endsAt room { name }
  payment { status amount { amount } }
  pendingMove { roomName startsAt endsAt total { amount } expiresAt }
  amountPaid { amount } amountRefunded { amount } balanceDue { amount } credit { amount }
  refunds { cause amount { amount } }
} }"""


@pytest_asyncio.fixture
async def till(settings: Settings, clock: StoppedClock) -> AsyncIterator[PaymentsApp]:
    async with opened(settings, clock) as made:
        yield made


@pytest_asyncio.fixture
async def venue(till: PaymentsApp) -> Venue:
    return await strict(till)


async def strict(till: PaymentsApp, **rules: Any) -> Venue:
    """Returns a venue where the whole price is paid: rooms cost 40 an hour."""
    made = await make_venue(till.runtime, **rules)
    await till.set_up(made, policy="FULL", cancellationSteps=STEPS)
    return made


async def paid(till: PaymentsApp, venue: Venue, *, minutes: int = 60) -> Any:
    """Returns a booking of the guest on Friday that is paid."""
    booking = made(await till.desk(venue.guest).create(venue.rooms[0], FRIDAY, minutes=minutes))
    await till.pays_and_is_heard(booking)
    return await seen(till, venue, booking)


async def seen(till: PaymentsApp, venue: Venue, booking: Any) -> Any:
    return (await till.desk(venue.manager)(SEEN, id=booking["id"])).payload


def amounts(seen: Any) -> tuple[str, ...]:
    return tuple(seen[name]["amount"] for name in ("amountPaid", "amountRefunded", "balanceDue"))


# ------------------------------------------------------------------------------ until when


@pytest.mark.parametrize(
    ("now", "refusals"),
    [
        (FRIDAY - timedelta(hours=24), []),
        (FRIDAY - timedelta(hours=24) + SECOND, ["CHANGE_WINDOW_PASSED"]),
        (FRIDAY, ["CHANGE_WINDOW_PASSED"]),
        (FRIDAY + timedelta(hours=2), ["CHANGE_WINDOW_PASSED"]),
    ],
)
async def test_a_customer_moves_a_booking_while_cancelling_is_free(
    till: PaymentsApp, venue: Venue, clock: StoppedClock, now: datetime, refusals: list[str]
) -> None:
    booking = await paid(till, venue)
    clock.now = now

    answer = await till.desk(venue.guest).move(booking, NEXT_FRIDAY)

    assert answer.refusals == refusals


@pytest.mark.parametrize(
    ("now", "refusals"),
    [
        (FRIDAY - timedelta(hours=1), []),
        (FRIDAY - timedelta(hours=1) + SECOND, ["CHANGE_WINDOW_PASSED"]),
    ],
)
async def test_a_venue_sets_the_last_moment_of_a_change(
    till: PaymentsApp, clock: StoppedClock, now: datetime, refusals: list[str]
) -> None:
    venue = await strict(till, change_minutes_before=60)
    booking = await paid(till, venue)
    clock.now = now

    answer = await till.desk(venue.guest).move(booking, NEXT_FRIDAY)

    assert answer.refusals == refusals


async def test_what_has_begun_is_moved_by_no_customer_and_without_terms_neither(
    till: PaymentsApp, clock: StoppedClock
) -> None:
    venue = await make_venue(till.runtime, **ANY_TIME)
    booking = made(await till.desk(venue.guest).create(venue.rooms[0], FRIDAY))

    clock.now = FRIDAY
    answer = await till.desk(venue.guest).move(booking, NEXT_FRIDAY)

    assert refused(answer)["message"] == (
        "You could move this booking until 10:00 on Friday 5 March 2027; contact the venue."
    )
    assert moved(await till.desk(venue.staff).move(booking, NEXT_FRIDAY))["version"] == 2


async def test_the_settings_of_changes_are_shown_and_set(till: PaymentsApp, venue: Venue) -> None:
    settings = """mutation ($version: Int!, $minutes: Int) { updateTenantSettings(
        version: $version, input: { changeMinutesBefore: $minutes, reconfirmsChanges: false }
      ) { tenant { settings { changeMinutesBefore reconfirmsChanges } }
          userErrors { code path } } }"""
    desk = till.desk(venue.owner)

    absurd = await desk(settings, version=2, minutes=-1)
    answer = await desk(settings, version=2, minutes=120)
    cleared = await desk(settings, version=3, minutes=None)

    assert refused(absurd)["path"] == ["input", "changeMinutesBefore"]
    assert answer.payload["tenant"]["settings"] == {
        "changeMinutesBefore": 120,
        "reconfirmsChanges": False,
    }
    assert cleared.payload["tenant"]["settings"]["changeMinutesBefore"] is None


# ------------------------------------------------------------------------------ terms


async def test_a_move_to_another_month_shakes_off_no_terms(
    till: PaymentsApp, clock: StoppedClock
) -> None:
    venue = await strict(till, **ANY_TIME)
    booking = await paid(till, venue)
    clock.now = FRIDAY - timedelta(hours=1)

    later = moved(await till.desk(venue.guest).move(booking, FRIDAY + timedelta(days=20)))
    cancelled = await cancel(till, venue.guest, later)

    assert cancelled.payload["refund"] is None
    assert amounts(await seen(till, venue, booking)) == ("40.00", "0.00", "0.00")
    await till.agrees(venue)


async def test_terms_count_from_the_earliest_start_a_paid_booking_has_had(
    till: PaymentsApp, clock: StoppedClock
) -> None:
    venue = await strict(till, **ANY_TIME)
    desk = till.desk(venue.guest)
    booking = await paid(till, venue)
    earlier = moved(await desk.move(booking, FRIDAY - timedelta(days=1)))
    later = moved(await desk.move(earlier, NEXT_FRIDAY))

    clock.now = FRIDAY - timedelta(days=1, hours=3)

    quoted = (await till.seen(venue.guest, later))["cancellationQuote"]
    assert quoted["refund"] == {"amount": "20.00"}
    assert quoted["endsAt"] == "2027-03-04T07:00:00Z"


async def test_what_was_not_paid_keeps_no_earlier_start(till: PaymentsApp, venue: Venue) -> None:
    staff = till.desk(venue.staff)
    booking = made(await staff.create(venue.rooms[0], FRIDAY))

    later = moved(await staff.move(booking, NEXT_FRIDAY))

    quoted = (await till.seen(venue.staff, later))["cancellationQuote"]
    assert quoted["endsAt"] == "2027-03-11T09:00:00Z"


async def test_a_shorter_booking_gives_back_what_cancelling_that_part_would(
    till: PaymentsApp, clock: StoppedClock
) -> None:
    venue = await strict(till, **ANY_TIME)
    desk = till.desk(venue.guest)
    booking = await paid(till, venue)
    clock.now = FRIDAY - timedelta(hours=3)

    shorter = moved(await desk.move(booking, FRIDAY, durationMinutes=30))
    after = await seen(till, venue, shorter)
    await cancel(till, venue.guest, after)

    assert amounts(after) == ("40.00", "10.00", "0.00")
    # Half of each part: as much as cancelling it all at once would have given back.
    assert amounts(await seen(till, venue, booking)) == ("40.00", "20.00", "0.00")
    await till.agrees(venue)


# ------------------------------------------------------------------------------ parties


BY_PERSON = """mutation { createPriceRule(input: {
    label: "Tasting", unit: PERSON, amount: { amount: "15.00", currencyCode: "EUR" }
}) { userErrors { code } } }"""


async def test_a_smaller_party_gives_back_what_cancelling_that_part_would(
    till: PaymentsApp, clock: StoppedClock
) -> None:
    venue = await strict(till, **ANY_TIME)
    await till.desk(venue.owner)(BY_PERSON)
    desk = till.desk(venue.guest)
    booking = made(await desk.create(venue.rooms[0], FRIDAY, partySize=4))
    await till.pays_and_is_heard(booking)
    clock.now = FRIDAY - timedelta(hours=3)

    made(await desk.update(await seen(till, venue, booking), partySize=2))

    assert amounts(await seen(till, venue, booking)) == ("60.00", "15.00", "0.00")
    await till.agrees(venue)


async def test_only_the_team_adds_people_who_have_to_be_paid_for(
    till: PaymentsApp, venue: Venue
) -> None:
    await till.desk(venue.owner)(BY_PERSON)
    booking = made(await till.desk(venue.guest).create(venue.rooms[0], FRIDAY, partySize=2))
    await till.pays_and_is_heard(booking)
    booking = await seen(till, venue, booking)

    by_guest = await till.desk(venue.guest).update(booking, partySize=3)
    by_team = await till.desk(venue.staff).update(booking, partySize=3)

    assert refused(by_guest)["path"] == ["input", "partySize"]
    made(by_team)
    assert amounts(await seen(till, venue, booking)) == ("30.00", "0.00", "15.00")
    await till.agrees(venue)


# ------------------------------------------------------------------------------ dearer


async def test_a_dearer_move_waits_for_the_difference(till: PaymentsApp, venue: Venue) -> None:
    booking = await paid(till, venue)

    answer = moved(await till.desk(venue.guest).move(booking, FRIDAY, durationMinutes=120))

    waiting = await seen(till, venue, booking)
    assert (answer["status"], answer["endsAt"]) == ("CONFIRMED", "2027-03-05T10:00:00Z")
    assert waiting["payment"] == {"status": "PENDING", "amount": {"amount": "40.00"}}
    assert waiting["pendingMove"] == {
        "roomName": "Room 1",
        "startsAt": "2027-03-05T09:00:00Z",
        "endsAt": "2027-03-05T11:00:00Z",
        "total": {"amount": "80.00"},
        "expiresAt": "2027-03-01T09:05:00Z",
    }
    taken = await till.desk(venue.staff).create(venue.rooms[0], FRIDAY + timedelta(hours=1))
    assert taken.refusals == ["SLOT_TAKEN"]


async def test_a_dearer_move_is_made_once_it_is_paid(till: PaymentsApp, venue: Venue) -> None:
    booking = await paid(till, venue)
    await till.desk(venue.guest).move(booking, FRIDAY, durationMinutes=120)

    await till.pays_and_is_heard(booking)

    after = await seen(till, venue, booking)
    assert (after["status"], after["endsAt"]) == ("CONFIRMED", "2027-03-05T11:00:00Z")
    assert (amounts(after), after["pendingMove"]) == (("80.00", "0.00", "0.00"), None)
    await till.agrees(venue)
    await till.counts(venue)


async def test_minutes_in_the_cheapest_room_become_no_day_in_the_dearest(
    till: PaymentsApp, venue: Venue
) -> None:
    await till.rows(venue, "UPDATE rooms SET hourly_rate_minor = 1000 WHERE name = 'Room 1'")
    await till.rows(venue, "UPDATE rooms SET hourly_rate_minor = 9000 WHERE name = 'Room 2'")
    booking = await paid(till, venue, minutes=15)

    desk = till.desk(venue.guest)
    await desk.move(booking, FRIDAY, venue.rooms[1], durationMinutes=720)

    after = await seen(till, venue, booking)
    assert (after["room"]["name"], amounts(after)) == ("Room 1", ("2.50", "0.00", "0.00"))
    assert after["payment"]["amount"] == {"amount": "1077.50"}


async def test_a_dearer_move_that_is_not_paid_leaves_the_booking_where_it_is(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    booking = await paid(till, venue)
    await till.desk(venue.guest).move(booking, NEXT_FRIDAY, durationMinutes=120)

    clock.advance(minutes=5)
    await till.work()

    after = await seen(till, venue, booking)
    assert (after["status"], after["startsAt"]) == ("CONFIRMED", "2027-03-05T09:00:00Z")
    assert (after["payment"]["status"], after["pendingMove"]) == ("CANCELLED", None)
    assert till.intents(booking)[1]["status"] == "canceled"
    assert made(await till.desk(venue.staff).create(venue.rooms[0], NEXT_FRIDAY))
    await till.agrees(venue)


async def test_a_declined_card_frees_the_new_time_and_another_one_gets_it_back(
    till: PaymentsApp, venue: Venue
) -> None:
    booking = await paid(till, venue)
    await till.desk(venue.guest).move(booking, NEXT_FRIDAY, durationMinutes=120)
    intent = till.intents(booking)[1]
    till.stripe.decline(intent["id"])
    await till.hears(intent, "payment_intent.payment_failed")
    declined = await seen(till, venue, booking)

    await till.pays_and_is_heard(booking)

    assert (declined["status"], declined["pendingMove"]) == ("CONFIRMED", None)
    after = await seen(till, venue, booking)
    assert (after["startsAt"], amounts(after)) == (
        "2027-03-12T09:00:00Z",
        ("80.00", "0.00", "0.00"),
    )
    await till.agrees(venue)


@pytest.mark.parametrize("instead", ["move", "cancel", "staff", "customer"])
async def test_money_for_a_move_that_was_given_up_goes_back(
    till: PaymentsApp, venue: Venue, instead: str
) -> None:
    booking = await paid(till, venue)
    desk = till.desk(venue.guest)
    waiting = moved(await desk.move(booking, NEXT_FRIDAY, durationMinutes=120))
    intent = await till.pays(booking)

    match instead:
        case "move":
            moved(await desk.move(waiting, FRIDAY + timedelta(hours=2)))
        case "cancel":
            moved(await desk.cancel(waiting))
        case "staff":
            moved(await till.desk(venue.staff).move(waiting, FRIDAY, venue.rooms[1]))
        case "customer":
            other = {"id": api_id(venue.other_customer)}
            made(await till.desk(venue.staff).update(waiting, customer=other))
    await till.hears(intent)

    after = await seen(till, venue, booking)
    assert ("TOO_LATE", {"amount": "40.00"}) in [
        (each["cause"], each["amount"]) for each in after["refunds"]
    ]
    assert made(await till.desk(venue.staff).create(venue.rooms[0], NEXT_FRIDAY))
    await till.agrees(venue)


async def test_a_waiting_move_is_given_up_when_the_booking_changes_hands(
    till: PaymentsApp, venue: Venue
) -> None:
    booking = await paid(till, venue)
    waiting = moved(await till.desk(venue.guest).move(booking, NEXT_FRIDAY, durationMinutes=120))
    staff, other = till.desk(venue.staff), {"id": api_id(venue.other_customer)}

    made(await staff.update(waiting, customer=other))

    after = await seen(till, venue, booking)
    assert (after["startsAt"], after["pendingMove"]) == ("2027-03-05T09:00:00Z", None)
    assert (after["payment"]["status"], till.intents(booking)[1]["status"]) == (
        "CANCELLED",
        "canceled",
    )
    assert await till.desk(venue.guest).bookings(status={"eq": "HELD"}) == []
    assert made(await staff.create(venue.rooms[0], NEXT_FRIDAY))


async def test_a_waiting_move_stays_while_the_booking_has_the_same_customer(
    till: PaymentsApp, venue: Venue
) -> None:
    booking = await paid(till, venue)
    waiting = moved(await till.desk(venue.guest).move(booking, NEXT_FRIDAY, durationMinutes=120))
    same = {"id": api_id(venue.customer)}

    made(await till.desk(venue.staff).update(waiting, customer=same, note="Window seat"))
    await till.pays_and_is_heard(booking)

    assert (await seen(till, venue, booking))["startsAt"] == "2027-03-12T09:00:00Z"


async def test_a_waiting_move_is_given_up_at_the_door(
    till: PaymentsApp, clock: StoppedClock
) -> None:
    venue = await strict(till, **ANY_TIME)
    booking = await paid(till, venue)
    clock.now = FRIDAY - timedelta(minutes=10)
    waiting = moved(await till.desk(venue.guest).move(booking, NEXT_FRIDAY, durationMinutes=120))

    made(await till.desk(venue.staff).check_in(waiting))

    assert (await seen(till, venue, booking))["pendingMove"] is None
    assert till.intents(booking)[1]["status"] == "canceled"


async def test_a_move_that_waits_for_its_payment_stands_in_the_history_with_the_amount(
    till: PaymentsApp, venue: Venue
) -> None:
    booking = await paid(till, venue)
    await till.desk(venue.guest).move(booking, NEXT_FRIDAY, durationMinutes=120)

    asked = (await till.desk(venue.staff).history(booking))[-1]

    assert (asked["type"], asked["changes"]) == (
        "PAYMENT_REQUESTED",
        [
            {
                "field": "amount",
                "before": None,
                "after": {"amount": "40.00", "currencyCode": "EUR"},
            }
        ],
    )


async def test_a_move_that_is_paid_twice_is_made_once(till: PaymentsApp, venue: Venue) -> None:
    booking = await paid(till, venue)
    await till.desk(venue.guest).move(booking, NEXT_FRIDAY, durationMinutes=120)
    await till.pays_and_is_heard(booking)
    second = till.intents(booking)[1]
    twin = {**second, "id": "pi_twin", "client_secret": "pi_twin_secret"}
    till.stripe.intents[None]["pi_twin"] = twin

    await till.hears(twin)

    after = await seen(till, venue, booking)
    assert amounts(after) == ("120.00", "40.00", "0.00")
    assert [each["cause"] for each in after["refunds"]] == ["SURPLUS"]
    await till.agrees(venue)


async def test_the_hold_of_a_move_becomes_no_booking_of_its_own(
    till: PaymentsApp, venue: Venue
) -> None:
    booking = await paid(till, venue)
    desk = till.desk(venue.guest)
    await desk.move(booking, NEXT_FRIDAY, durationMinutes=120)
    (hold,) = await desk.bookings(status={"eq": "HELD"})

    converted = await desk.convert(hold)
    given_up = moved(await desk.cancel(hold))

    assert refused(converted)["path"] == ["input", "holdId"]
    assert given_up["status"] == "CANCELLED"
    await till.work()
    after = await seen(till, venue, booking)
    assert (after["status"], after["payment"]["status"]) == ("CONFIRMED", "CANCELLED")


async def test_a_dearer_move_holds_the_card_for_the_difference(
    till: PaymentsApp, clock: StoppedClock
) -> None:
    venue = await make_venue(till.runtime)
    await till.set_up(venue, policy="CARD_HOLD", percent=50)
    booking = await paid(till, venue)
    await till.desk(venue.guest).move(booking, FRIDAY, durationMinutes=120)
    await till.pays_and_is_heard(booking)
    after = await seen(till, venue, booking)
    clock.now = FRIDAY + timedelta(minutes=20)

    made(await till.desk(venue.staff).no_show(after))

    assert after["endsAt"] == "2027-03-05T11:00:00Z"
    await till.work()
    assert amounts(await seen(till, venue, booking)) == ("40.00", "0.00", "0.00")
    await till.agrees(venue)


async def test_staff_move_as_they_like_and_the_rest_is_due(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    booking = await paid(till, venue)
    clock.now = FRIDAY + timedelta(minutes=10)

    answer = await till.desk(venue.staff).move(booking, NEXT_FRIDAY, durationMinutes=120)

    assert moved(answer)["startsAt"] == "2027-03-12T09:00:00Z"
    assert amounts(await seen(till, venue, booking)) == ("40.00", "0.00", "40.00")


# ------------------------------------------------------------------------------ confirmed anew


@pytest.mark.parametrize(
    ("room", "hours", "minutes", "status"),
    [(0, 2, 60, "CONFIRMED"), (1, 0, 60, "PENDING"), (0, 24, 60, "PENDING"), (0, 0, 30, "PENDING")],
)
async def test_another_room_day_or_length_waits_for_the_venue_again(
    till: PaymentsApp, room: int, hours: int, minutes: int, status: str
) -> None:
    venue = await strict(till, requires_confirmation=True)
    booking = made(await till.desk(venue.staff).confirm(await paid(till, venue)))

    after = moved(
        await till.desk(venue.guest).move(
            booking, FRIDAY + timedelta(hours=hours), venue.rooms[room], durationMinutes=minutes
        )
    )

    assert after["status"] == status


async def test_a_venue_can_let_moved_bookings_stand(till: PaymentsApp) -> None:
    venue = await strict(till, requires_confirmation=True, reconfirms_changes=False)
    booking = made(await till.desk(venue.staff).confirm(await paid(till, venue)))

    after = moved(await till.desk(venue.guest).move(booking, FRIDAY, venue.rooms[1]))

    assert after["status"] == "CONFIRMED"


async def test_waiting_for_the_venue_again_makes_cancelling_no_freer(
    till: PaymentsApp, clock: StoppedClock
) -> None:
    venue = await strict(till, requires_confirmation=True, **ANY_TIME)
    desk = till.desk(venue.guest)
    booking = made(await till.desk(venue.staff).confirm(await paid(till, venue)))
    pending = moved(await desk.move(booking, FRIDAY, venue.rooms[1]))
    clock.now = FRIDAY - timedelta(hours=3)

    again = await desk.move(pending, FRIDAY, venue.rooms[0])
    cancelled = await cancel(till, venue.guest, pending)

    # Once cancelling costs something, what would be refunded whole by a "no" isn't asked.
    assert again.refusals == ["CHANGE_WINDOW_PASSED"]
    assert cancelled.payload["refund"] == {"amount": "20.00"}


@pytest.mark.parametrize(
    ("before_start", "stays"), [(timedelta(hours=24), True), (timedelta(hours=3), False)]
)
async def test_what_the_venue_confirms_meanwhile_moves_only_while_cancelling_is_free(
    till: PaymentsApp, clock: StoppedClock, before_start: timedelta, stays: bool
) -> None:
    venue = await strict(till, requires_confirmation=True, approval_hours=720, **ANY_TIME)
    booking = await paid(till, venue)
    clock.now = FRIDAY - before_start
    await till.desk(venue.guest).move(booking, NEXT_FRIDAY, durationMinutes=120)

    made(await till.desk(venue.staff).confirm(await seen(till, venue, booking)))

    after = await seen(till, venue, booking)
    # Else whoever moves it back to waiting for a "no" would get all of it back.
    assert (after["status"], after["pendingMove"] is not None) == ("CONFIRMED", stays)
    assert (till.intents(booking)[1]["status"] == "canceled") is not stays


# ------------------------------------------------------------------------------ credit


async def test_a_surplus_is_credit_until_somebody_who_may_sends_it(
    till: PaymentsApp, venue: Venue
) -> None:
    booking = await paid(till, venue)

    shorter = moved(await till.desk(venue.staff).move(booking, FRIDAY, durationMinutes=30))
    owed = await seen(till, venue, shorter)
    sent = await till.desk(venue.manager)(
        REFUND,
        id=booking["id"],
        version=owed["version"],
        input={"amount": {**owed["credit"], "currencyCode": "EUR"}},
    )

    assert amounts(owed) == ("40.00", "0.00", "-20.00")
    assert owed["credit"] == {"amount": "20.00"}
    assert sent.refusals == []
    after = await seen(till, venue, booking)
    assert (amounts(after), after["credit"]) == (("40.00", "20.00", "0.00"), None)
    await till.agrees(venue)


async def test_credit_outlives_a_cancellation(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    booking = await paid(till, venue)
    shorter = moved(await till.desk(venue.staff).move(booking, FRIDAY, durationMinutes=30))
    clock.now = FRIDAY - timedelta(hours=3)

    await cancel(till, venue.guest, shorter)

    after = await seen(till, venue, booking)
    # Half of what was paid for the half hour went back; what is owed waits to be sent.
    assert amounts(after) == ("40.00", "10.00", "-20.00")
    assert after["credit"] == {"amount": "20.00"}
    sent = await till.desk(venue.manager)(
        REFUND,
        id=booking["id"],
        version=after["version"],
        input={"amount": {"amount": "20.00", "currencyCode": "EUR"}},
    )
    assert sent.refusals == []
    assert amounts(await seen(till, venue, booking)) == ("40.00", "30.00", "0.00")
    await till.agrees(venue)


async def test_whoever_may_refund_gives_the_surplus_back_at_once(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    booking = await paid(till, venue)
    clock.now = FRIDAY - timedelta(hours=1)

    moved(await till.desk(venue.manager).move(booking, FRIDAY, durationMinutes=30))

    after = await seen(till, venue, booking)
    assert (amounts(after), after["credit"]) == (("40.00", "20.00", "0.00"), None)


async def test_credit_pays_for_a_dearer_move(till: PaymentsApp, venue: Venue) -> None:
    booking = await paid(till, venue)
    shorter = moved(await till.desk(venue.staff).move(booking, FRIDAY, durationMinutes=30))

    longer = moved(await till.desk(venue.guest).move(shorter, FRIDAY, durationMinutes=60))

    assert longer["endsAt"] == "2027-03-05T10:00:00Z"
    assert amounts(await seen(till, venue, booking)) == ("40.00", "0.00", "0.00")


# ------------------------------------------------------------------------------ by a code


async def test_a_guest_sees_what_they_are_owed(till: PaymentsApp, venue: Venue) -> None:
    token, booking = await paid_by_guest(till, venue)
    text = "query ($token: String!) { guestBooking(token: $token) { credit { amount } } }"

    before = await till.api(text, {"token": token})
    moved(await till.desk(venue.staff).move(booking, FRIDAY, durationMinutes=30))
    owed = await till.api(text, {"token": token})

    assert before.payload == {"credit": None}
    assert owed.payload == {"credit": {"amount": "20.00"}}


async def paid_by_guest(till: PaymentsApp, venue: Venue) -> tuple[str, Any]:
    """Returns the code of a guest's paid booking of Friday's hour, and what staff see of it."""
    booked = await till.api(
        """mutation ($input: BookAsGuestInput!) { bookAsGuest(input: $input) {
             token booking { version } userErrors { code } } }""",
        {
            "input": {
                "subdomain": venue.tenant.subdomain,
                "roomId": api_id(venue.rooms[0]),
                "start": {"at": "2027-03-05T09:00:00Z"},
                "durationMinutes": 60,
                "customer": {"name": "Kit", "email": "kit@guests.test"},
            }
        },
    )
    (held,) = await till.desk(venue.staff).bookings(status={"eq": "HELD"})
    await till.pays_and_is_heard(held)
    return booked.payload["token"], await seen(till, venue, held)


async def test_a_guest_moves_by_the_same_rules(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    token, row = await paid_by_guest(till, venue)

    longer = await by_link(till, token, durationMinutes=120)
    waiting = longer.payload["booking"]
    await till.pays_and_is_heard(row)
    after = await seen(till, venue, row)
    clock.now = FRIDAY
    late = await by_link(till, token, version=after["version"], durationMinutes=90)

    assert (waiting["endsAt"], waiting["pendingMove"]["roomName"]) == (
        "2027-03-05T10:00:00Z",
        "Room 1",
    )
    assert waiting["payment"]["amount"] == {"amount": "40.00"}
    assert (after["endsAt"], amounts(after)) == (
        "2027-03-05T11:00:00Z",
        ("80.00", "0.00", "0.00"),
    )
    assert late.refusals == ["CHANGE_WINDOW_PASSED", "MIN_NOTICE"]


async def by_link(
    till: PaymentsApp, token: str, *, version: int | None = None, **given: Any
) -> Any:
    if version is None:
        now = await till.api(
            "query ($token: String!) { guestBooking(token: $token) { version } }", {"token": token}
        )
        version = now.payload["version"]
    return await till.api(
        """mutation ($version: Int!, $input: RescheduleGuestBookingInput!) {
             rescheduleGuestBooking(version: $version, input: $input) {
               booking { endsAt payment { amount { amount } } pendingMove { roomName } }
               userErrors { code } } }""",
        {
            "version": version,
            "input": {"token": token, "start": {"at": "2027-03-05T09:00:00Z"}, **given},
        },
    )


async def test_a_move_that_waits_for_its_payment_keeps_the_discount(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    create = """mutation { createCoupon(input: { code: "TENTH", discount: { percent: 10 } }) {
        userErrors { code } } }"""
    assert (await till.desk(venue.owner)(create)).refusals == []
    guest = till.desk(venue.guest)
    booked = made(await guest.create(venue.rooms[0], FRIDAY, couponCode="tenth"))
    await till.pays_and_is_heard(booked)
    booking = await seen(till, venue, booked)
    assert amounts(booking) == ("36.00", "0.00", "0.00")

    await guest.move(booking, NEXT_FRIDAY, durationMinutes=120)
    await till.work()
    waiting = await seen(till, venue, booking)
    await till.pays_and_is_heard(booking)

    assert waiting["pendingMove"]["total"]["amount"] == "76.00"
    after = await seen(till, venue, booking)
    assert (after["startsAt"][:10], amounts(after)) == ("2027-03-12", ("76.00", "0.00", "0.00"))
