"""Refunds, by cancellation policy and by request: never more than was paid."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from jobs.due_bookings import find_deadlines
from kit.postgres.database import Database
from kit.settings import Settings
from tests.support.client import Answer
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import made, moved, refused
from tests.support.factories import Person, Venue, make_venue
from tests.support.till import MONEY, PaymentsApp, opened

FRIDAY = MONDAY_MORNING + timedelta(days=4)
STEPS = [
    {"minutesBefore": 1440, "refundPercent": 100},
    {"minutesBefore": 120, "refundPercent": 50},
]
REFUND = f"""mutation ($id: ID!, $version: Int!, $input: RefundBookingInput!) {{
  refundBooking(id: $id, version: $version, input: $input) {{
    booking {{ ...Paid }} replayed userErrors {{ code message path }}
  }}
}} {MONEY}"""
CANCEL = """mutation ($id: ID!, $version: Int!, $input: CancelBookingInput!) {
  cancelBooking(id: $id, version: $version, input: $input) {
    bookings { id version status } refund { amount } replayed userErrors { code }
  }
}"""


@pytest_asyncio.fixture
async def till(settings: Settings, clock: StoppedClock) -> AsyncIterator[PaymentsApp]:
    async with opened(settings, clock) as made:
        yield made


@pytest_asyncio.fixture
async def venue(till: PaymentsApp) -> Venue:
    """A venue that requires the whole price: rooms cost 40 an hour."""
    made = await make_venue(till.runtime)
    await till.set_up(made, policy="FULL", cancellationSteps=STEPS)
    return made


@pytest_asyncio.fixture
async def paid(till: PaymentsApp, venue: Venue) -> Any:
    """A booking of the guest that is paid."""
    booking = made(await till.desk(venue.guest).create(venue.rooms[0], FRIDAY))
    await till.pays_and_is_heard(booking)
    return await till.seen(venue.guest, booking)


async def refund(
    till: PaymentsApp, by: Person, booking: Any, amount: str | None = None, **given: Any
) -> Answer:
    arguments = {
        **given,
        **({"amount": {"amount": amount, "currencyCode": "EUR"}} if amount else {}),
    }
    return await till.desk(by)(
        REFUND, id=booking["id"], version=booking["version"], input=arguments
    )


async def cancel(till: PaymentsApp, by: Person, booking: Any, **given: Any) -> Answer:
    return await till.desk(by)(CANCEL, id=booking["id"], version=booking["version"], input=given)


# ------------------------------------------------------------------------------ cancelling


@pytest.mark.parametrize(
    ("now", "back"),
    [
        (FRIDAY - timedelta(hours=24), "40.00"),
        (FRIDAY - timedelta(hours=24) + timedelta(seconds=1), "20.00"),
        (FRIDAY - timedelta(hours=2), "20.00"),
        (FRIDAY - timedelta(hours=2) + timedelta(seconds=1), "0.00"),
    ],
)
async def test_a_cancellation_gives_back_what_its_quote_says(
    till: PaymentsApp, venue: Venue, paid: Any, clock: StoppedClock, now: datetime, back: str
) -> None:
    clock.now = now
    quoted = (await till.seen(venue.guest, paid))["cancellationQuote"]

    cancelled = await cancel(till, venue.guest, paid)

    assert quoted["refund"]["amount"] == back
    assert cancelled.payload["refund"] == (None if back == "0.00" else {"amount": back})
    seen = await till.seen(venue.guest, paid)
    assert seen["amountRefunded"]["amount"] == back
    assert (seen["balanceDue"]["amount"], seen["cancellationQuote"]) == ("0.00", None)
    await till.agrees(venue)


async def test_a_cancellation_told_again_says_the_same_refund(
    till: PaymentsApp, venue: Venue, paid: Any, clock: StoppedClock
) -> None:
    clock.now = FRIDAY - timedelta(hours=3)
    first = await cancel(till, venue.guest, paid, idempotencyKey="once")

    again = await cancel(till, venue.guest, paid, idempotencyKey="once")

    assert (first.payload["replayed"], again.payload["replayed"]) == (False, True)
    assert first.payload["refund"] == again.payload["refund"] == {"amount": "20.00"}
    assert len(till.stripe.all_refunds()) == 1


async def test_a_policy_that_changes_later_changes_no_booking(
    till: PaymentsApp, venue: Venue, paid: Any, clock: StoppedClock
) -> None:
    await till.set_up(
        venue, version=2, cancellationSteps=[{"minutesBefore": 0, "refundPercent": 0}]
    )
    clock.now = FRIDAY - timedelta(hours=3)

    quoted = (await till.seen(venue.guest, paid))["cancellationQuote"]

    assert quoted == {
        "refund": {"amount": "20.00"},
        "fee": {"amount": "20.00"},
        "refundPercent": 50,
        "stepLabel": "50 % back until 2 hours before the start",
        "endsAt": "2027-03-05T07:00:00Z",
    }


async def test_a_booking_that_gets_cheaper_gives_the_rest_back(
    till: PaymentsApp, venue: Venue, paid: Any
) -> None:
    shorter = moved(await till.desk(venue.guest).move(paid, FRIDAY, durationMinutes=30))

    seen = await till.seen(venue.guest, shorter)

    assert (seen["amountRefunded"]["amount"], seen["balanceDue"]["amount"]) == ("20.00", "0.00")
    assert [each["cause"] for each in seen["refunds"]] == ["LOWER_PRICE"]
    await till.agrees(venue)


async def test_a_booking_that_the_venue_makes_dearer_has_a_balance_due(
    till: PaymentsApp, venue: Venue, paid: Any
) -> None:
    longer = moved(await till.desk(venue.staff).move(paid, FRIDAY, durationMinutes=120))

    seen = await till.seen(venue.guest, longer)

    assert (seen["amountPaid"]["amount"], seen["balanceDue"]["amount"]) == ("40.00", "40.00")
    await till.agrees(venue)


# ------------------------------------------------------------------------------ by the venue


@pytest.mark.parametrize("role", ["staff", "manager"])
async def test_the_venues_own_cancellation_gives_everything_back(
    till: PaymentsApp, venue: Venue, paid: Any, clock: StoppedClock, role: str
) -> None:
    clock.now = FRIDAY - timedelta(hours=1)

    cancelled = await cancel(till, getattr(venue, role), paid)

    assert cancelled.payload["refund"] == {"amount": "40.00"}
    seen = await till.seen(venue.guest, paid)
    assert (seen["status"], seen["amountRefunded"]["amount"]) == ("CANCELLED", "40.00")
    await till.agrees(venue)


@pytest.mark.parametrize(("chosen", "back"), [("POLICY", "20.00"), ("NONE", "0.00")])
async def test_a_manager_chooses_what_a_cancellation_gives_back(
    till: PaymentsApp, venue: Venue, paid: Any, clock: StoppedClock, chosen: str, back: str
) -> None:
    clock.now = FRIDAY - timedelta(hours=3)

    answer = await cancel(till, venue.manager, paid, refund=chosen)

    assert answer.refusals == []
    seen = await till.seen(venue.guest, paid)
    assert (seen["amountRefunded"]["amount"], seen["balanceDue"]["amount"]) == (back, "0.00")
    await till.agrees(venue)


@pytest.mark.parametrize(
    ("role", "chosen"),
    [("staff", "POLICY"), ("staff", "NONE"), ("guest", "FULL"), ("guest", "NONE")],
)
async def test_who_may_not_refund_does_not_choose_what_goes_back(
    till: PaymentsApp, venue: Venue, paid: Any, role: str, chosen: str
) -> None:
    answer = await cancel(till, getattr(venue, role), paid, refund=chosen)

    assert answer.codes == ["FORBIDDEN"]
    assert (await till.seen(venue.guest, paid))["status"] == "CONFIRMED"


async def test_a_paid_booking_that_nobody_confirmed_goes_back_whole(
    till: PaymentsApp, clock: StoppedClock, relay: Database
) -> None:
    venue = await make_venue(till.runtime, requires_confirmation=True)
    await till.set_up(venue, policy="FULL", cancellationSteps=STEPS)
    booking = made(await till.desk(venue.guest).create(venue.rooms[0], FRIDAY))
    await till.pays_and_is_heard(booking)
    clock.now = FRIDAY
    pending = await till.seen(venue.guest, booking)

    confirmed = await till.desk(venue.staff).confirm(pending)
    await find_deadlines(till.runtime, relay)
    await till.work()
    clock.advance(minutes=1)
    await till.work()

    assert confirmed.refusals == ["INVALID_TRANSITION"]
    seen = await till.seen(venue.guest, booking)
    assert (seen["status"], seen["amountRefunded"]["amount"]) == ("EXPIRED", "40.00")
    assert [each["cause"] for each in seen["refunds"]] == ["REJECTION"]
    await till.agrees(venue)


# ------------------------------------------------------------------------------ by request


async def test_a_manager_gives_back_a_part_and_then_the_rest(
    till: PaymentsApp, venue: Venue, paid: Any
) -> None:
    part = await refund(till, venue.manager, paid, "15.50", reason="The heating was off.")
    rest = await refund(till, venue.manager, part.payload["booking"])

    assert part.refusals == rest.refusals == []
    seen = await till.seen(venue.guest, paid)
    assert [(each["amount"]["amount"], each["status"]) for each in seen["refunds"]] == [
        ("15.50", "SUCCEEDED"),
        ("24.50", "SUCCEEDED"),
    ]
    assert seen["refunds"][0]["reason"] == "The heating was off."
    assert seen["amountRefunded"]["amount"] == "40.00"
    await till.agrees(venue)


@pytest.mark.parametrize("amount", ["40.01", "0.00"])
async def test_more_than_was_paid_is_refused(
    till: PaymentsApp, venue: Venue, paid: Any, amount: str
) -> None:
    answer = await refund(till, venue.manager, paid, amount)

    assert (refused(answer)["code"], refused(answer)["path"]) == ("INVALID", ["input", "amount"])
    assert till.stripe.all_refunds() == []


async def test_another_currency_is_refused(till: PaymentsApp, venue: Venue, paid: Any) -> None:
    answer = await till.desk(venue.manager)(
        REFUND,
        id=paid["id"],
        version=paid["version"],
        input={"amount": {"amount": "5.00", "currencyCode": "USD"}},
    )

    assert refused(answer)["path"] == ["input", "amount"]


@pytest.mark.parametrize("role", ["staff", "guest"])
async def test_only_managers_give_money_back(
    till: PaymentsApp, venue: Venue, paid: Any, role: str
) -> None:
    answer = await refund(till, getattr(venue, role), paid, "5.00")

    assert answer.codes == ["FORBIDDEN"]


async def test_what_is_sent_twice_without_a_key_is_refused_the_second_time(
    till: PaymentsApp, venue: Venue, paid: Any
) -> None:
    await refund(till, venue.manager, paid, "5.00")

    again = await refund(till, venue.manager, paid, "5.00")

    assert again.refusals == ["STALE_VERSION"]


async def test_a_refund_at_the_gateway_itself_is_written_down(
    till: PaymentsApp, venue: Venue, paid: Any
) -> None:
    (intent,) = till.intents(paid)
    elsewhere = {
        "id": "re_elsewhere",
        "object": "refund",
        "amount": 700,
        "currency": "eur",
        "payment_intent": intent["id"],
        "status": "succeeded",
        "metadata": {},
    }
    till.stripe.refunds[None]["re_elsewhere"] = elsewhere
    charge = {
        "id": "ch_1",
        "object": "charge",
        "payment_intent": intent["id"],
        "metadata": intent["metadata"],
    }

    await till.hears(charge, "charge.refunded")
    await till.hears(charge, "charge.refunded")

    seen = await till.seen(venue.guest, paid)
    assert [(each["amount"]["amount"], each["cause"]) for each in seen["refunds"]] == [
        ("7.00", "AT_GATEWAY")
    ]
    assert seen["cancellationQuote"]["refund"] == {"amount": "33.00"}
    await till.agrees(venue)


async def test_a_refund_that_the_gateway_refuses_is_held_again(
    till: PaymentsApp, venue: Venue, paid: Any
) -> None:
    (intent,) = till.intents(paid)
    intent["amount_received"] = 0

    await refund(till, venue.manager, paid, "10.00")

    seen = await till.seen(venue.guest, paid)
    assert [each["status"] for each in seen["refunds"]] == ["FAILED"]
    assert seen["amountRefunded"]["amount"] == "0.00"
    sums = await till.sums(venue)
    assert (sums["refunds_due"], sum(sums.values())) == (0, 0)


# ------------------------------------------------------------------------------ at once


async def test_five_refunds_at_once_with_one_key_are_one(
    till: PaymentsApp, venue: Venue, paid: Any
) -> None:
    answers = await asyncio.gather(
        *(refund(till, venue.manager, paid, "10.00", idempotencyKey="once") for _ in range(5))
    )
    await till.work()

    assert all(each.refusals == [] for each in answers)
    assert sorted(each.payload["replayed"] for each in answers) == [False, True, True, True, True]
    assert [each["amount"] for each in till.stripe.all_refunds()] == [1000]
    await till.agrees(venue)


async def test_refunds_that_race_give_back_no_more_than_was_paid(
    till: PaymentsApp, venue: Venue, paid: Any
) -> None:
    async def insist() -> None:
        booking = paid
        for _ in range(12):
            answer = await refund(till, venue.manager, booking, "7.00")
            if answer.refusals == ["INVALID"]:
                return
            booking = await till.seen(venue.manager, booking)

    await asyncio.gather(*(insist() for _ in range(5)))
    await till.work()

    assert sum(each["amount"] for each in till.stripe.all_refunds()) == 3500
    await till.agrees(venue)


# ------------------------------------------------------------------------------ the last word


async def test_the_database_refuses_a_posting_that_does_not_sum_to_zero(
    till: PaymentsApp, venue: Venue, paid: Any
) -> None:
    statement = """INSERT INTO ledger_entries
        (tenant_id, id, booking_id, kind, source_id, account, amount_minor, currency_code, at)
        SELECT tenant_id, gen_random_uuid(), booking_id, 'payment', gen_random_uuid(), account,
               amount_minor, currency_code, at
        FROM ledger_entries WHERE account = 'received'"""

    with pytest.raises(asyncpg.CheckViolationError, match="sum to zero"):
        await till.rows(venue, statement)


@pytest.mark.parametrize(
    "change", ["UPDATE ledger_entries SET amount_minor = 1", "DELETE FROM ledger_entries"]
)
async def test_the_app_can_not_change_the_ledger(
    till: PaymentsApp, venue: Venue, change: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await till.rows(venue, change)
