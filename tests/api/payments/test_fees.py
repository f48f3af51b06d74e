"""Fees of cancellations and no-shows that are due, and the notice that customers give."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest_asyncio

from kit.settings import Settings
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import made, moved, refused
from tests.support.factories import Venue, make_venue
from tests.support.till import PaymentsApp, opened

FRIDAY = MONDAY_MORNING + timedelta(days=4)
STEPS = [
    {"minutesBefore": 1440, "refundPercent": 100},
    {"minutesBefore": 120, "refundPercent": 50},
]
FEES: dict[str, Any] = {"cancellationSteps": STEPS, "cancellationFeesDue": True}
NOTICE = """mutation ($minutes: Int) {
  updateTenantSettings(version: 1, input: { minChangeNoticeMinutes: $minutes }) {
    tenant { settings { minChangeNoticeMinutes } } userErrors { code path } } }"""
SHOWN = """query ($id: ID!) { booking(id: $id) {
  status balanceDue { amount } amountPaid { amount } amountRefunded { amount }
  cancellationQuote { refund { amount } fee { amount } due { amount } } } }"""


@pytest_asyncio.fixture
async def till(settings: Settings, clock: StoppedClock) -> AsyncIterator[PaymentsApp]:
    async with opened(settings, clock) as made:
        yield made


@pytest_asyncio.fixture
async def venue(till: PaymentsApp) -> Venue:
    return await make_venue(till.runtime)


async def money(till: PaymentsApp, venue: Venue, booking: Any) -> tuple[str, str, str]:
    """Returns what is due, paid and refunded of a booking."""
    shown = (await till.desk(venue.owner)(SHOWN, id=booking["id"])).payload
    fields = ("balanceDue", "amountPaid", "amountRefunded")
    return tuple(shown[each]["amount"] for each in fields)


# ------------------------------------------------------------------------------ cancellations


async def test_who_cancels_late_owes_a_part_of_the_price(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    await till.set_up(venue, **FEES)
    guest = till.desk(venue.guest)
    early = made(await guest.create(venue.rooms[0], FRIDAY))
    late = made(await guest.create(venue.rooms[0], FRIDAY + timedelta(hours=2)))
    assert await money(till, venue, late) == ("40.00", "0.00", "0.00")

    moved(await guest.cancel(early))
    clock.now = FRIDAY - timedelta(hours=3)
    said = (await guest(SHOWN, id=late["id"])).payload["cancellationQuote"]
    moved(await guest.cancel(late))

    assert said == {
        "refund": {"amount": "0.00"},
        "fee": {"amount": "20.00"},
        "due": {"amount": "20.00"},
    }
    assert await money(till, venue, early) == ("0.00", "0.00", "0.00")
    assert await money(till, venue, late) == ("20.00", "0.00", "0.00")
    await till.agrees(venue)


async def test_what_the_venue_cancels_costs_nothing(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    await till.set_up(venue, **FEES)
    booking = made(await till.desk(venue.guest).create(venue.rooms[0], FRIDAY))
    clock.now = FRIDAY - timedelta(hours=1)

    moved(await till.desk(venue.staff).cancel(booking))

    assert await money(till, venue, booking) == ("0.00", "0.00", "0.00")


async def test_a_deposit_pays_a_part_of_the_fee_and_terms_stay(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    await till.set_up(venue, policy="DEPOSIT", percent=25, **FEES)
    guest = till.desk(venue.guest)
    held = made(await guest.create(venue.rooms[0], FRIDAY))
    await till.work()
    await till.pays_and_is_heard(held)
    # What the venue changes later is for later bookings.
    await till.set_up(venue, version=2, cancellationFeesDue=False, noShowFeePercent=90)
    booking = await till.seen(venue.guest, held)
    clock.now = FRIDAY - timedelta(hours=3)

    moved(await guest.cancel(booking))
    await till.work()

    assert await money(till, venue, booking) == ("10.00", "10.00", "0.00")
    await till.agrees(venue)


# ------------------------------------------------------------------------------ no-shows


async def test_who_does_not_come_owes_a_part_of_the_price_unless_it_is_waived(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    await till.set_up(venue, noShowFeePercent=75)
    guest, staff = till.desk(venue.guest), till.desk(venue.staff)
    first = made(await guest.create(venue.rooms[0], FRIDAY))
    second = made(await guest.create(venue.rooms[1], FRIDAY))
    clock.now = FRIDAY + timedelta(minutes=20)

    made(await staff.no_show(first))
    made(await staff.change("markNoShow", second, {"waiveFee": True}))

    assert await money(till, venue, first) == ("30.00", "0.00", "0.00")
    assert await money(till, venue, second) == ("0.00", "0.00", "0.00")
    await till.agrees(venue)


async def test_a_fee_out_of_bounds_is_refused(till: PaymentsApp, venue: Venue) -> None:
    text = """mutation ($percent: Int!) {
      updatePaymentSettings(version: 1, input: { noShowFeePercent: $percent }) {
        userErrors { code path } } }"""

    answer = await till.desk(venue.owner)(text, percent=101)

    assert answer.payload["userErrors"] == [
        {"code": "INVALID", "path": ["input", "noShowFeePercent"]}
    ]


# ------------------------------------------------------------------------------ notice


async def test_a_customer_changes_a_booking_only_with_notice(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    owner, guest, staff = (till.desk(each) for each in (venue.owner, venue.guest, venue.staff))
    answer = await owner(NOTICE, minutes=180)
    assert answer.payload["tenant"]["settings"] == {"minChangeNoticeMinutes": 180}
    first, second, third = [
        made(await guest.create(venue.rooms[0], FRIDAY + timedelta(hours=hour)))
        for hour in (0, 1, 2)
    ]
    clock.now = FRIDAY - timedelta(minutes=180)
    moved(await guest.cancel(first))
    clock.advance(seconds=1)
    again = await guest.booking(second["id"])

    clock.now = FRIDAY - timedelta(minutes=119)
    cancelled = refused(await guest.cancel(second))
    put_off = refused(await guest.move(second, FRIDAY + timedelta(hours=9)))
    late = await guest.booking(second["id"])

    assert again["allowedTransitions"] == ["CANCELLED"]
    assert (cancelled["code"], cancelled["message"]) == (
        "CANCELLATION_WINDOW_PASSED",
        "You could cancel this booking until 08:00 on Friday 5 March 2027; contact the venue.",
    )
    assert put_off["code"] == "CHANGE_WINDOW_PASSED"
    assert late["allowedTransitions"] == []
    moved(await staff.move(second, FRIDAY + timedelta(hours=9)))
    moved(await staff.cancel(third))


async def test_a_hold_is_given_up_at_any_time(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    await till.desk(venue.owner)(NOTICE, minutes=1440)
    guest = till.desk(venue.guest)
    hold = made(await guest.hold(venue.rooms[0], clock.now + timedelta(hours=2)))

    assert moved(await guest.cancel(hold))["status"] == "CANCELLED"


async def test_a_notice_out_of_bounds_is_refused(till: PaymentsApp, venue: Venue) -> None:
    answer = await till.desk(venue.owner)(NOTICE, minutes=-1)

    assert answer.payload["userErrors"] == [
        {"code": "INVALID", "path": ["input", "minChangeNoticeMinutes"]}
    ]
