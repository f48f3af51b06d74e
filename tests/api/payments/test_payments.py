"""Payments for bookings: requested, paid, failed, late or twice, and their effect on the slot."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from integrations.payments.factory import gateway_of
from integrations.payments.protocol import AnotherGateway, Gateway, GatewayEvent, Subject
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.settings import Environment, Settings
from resolvers.payments.settlement import payment_event
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import BookingClient, made, moved, refused
from tests.support.factories import Venue, api_id, make_venue
from tests.support.guests import CONFIRM, mailed
from tests.support.till import PaymentsApp, opened
from tests.support.transactions import watched
from tests.support.work import run_due_jobs

FRIDAY = MONDAY_MORNING + timedelta(days=4)
DEPOSIT: dict[str, Any] = {"policy": "DEPOSIT", "percent": 30}
HALF_IN_THE_END = [
    {"minutesBefore": 1440, "refundPercent": 100},
    {"minutesBefore": 120, "refundPercent": 50},
]


@pytest_asyncio.fixture
async def till(settings: Settings, clock: StoppedClock) -> AsyncIterator[PaymentsApp]:
    async with opened(settings, clock) as made:
        yield made


@pytest_asyncio.fixture
async def venue(till: PaymentsApp) -> Venue:
    """A venue that requires a deposit: rooms cost 40 an hour."""
    made = await make_venue(till.runtime)
    await till.set_up(made, **DEPOSIT, cancellationSteps=HALF_IN_THE_END)
    return made


async def book(till: PaymentsApp, venue: Venue, **given: Any) -> Any:
    return made(await till.desk(venue.guest).create(venue.rooms[0], FRIDAY, **given))


async def booked(till: PaymentsApp, venue: Venue) -> Any:
    """Returns a booking whose deposit is paid, as its customer sees it."""
    booking = await book(till, venue)
    await till.pays_and_is_heard(booking)
    return await till.seen(venue.guest, booking)


def amounts(seen: Any) -> tuple[str, ...]:
    return tuple(seen[name]["amount"] for name in ("amountPaid", "amountRefunded", "balanceDue"))


# ------------------------------------------------------------------------------ asked for


async def test_a_customer_is_asked_for_the_deposit(till: PaymentsApp, venue: Venue) -> None:
    booking = await book(till, venue)

    seen = await till.seen(venue.guest, booking)

    (intent,) = till.intents(booking)
    assert (intent["amount"], intent["currency"]) == (1200, "eur")
    assert seen["status"] == "HELD"
    assert seen["payment"] == {
        "kind": "DEPOSIT",
        "status": "PENDING",
        "amount": {"amount": "12.00"},
        "clientSecret": intent["client_secret"],
        "checkoutUrl": None,
        "expiresAt": seen["holdExpiresAt"],
        "lastError": None,
        "receipt": None,
    }
    assert seen["balanceDue"] is None


async def test_the_answer_itself_says_how_to_pay(till: PaymentsApp, venue: Venue) -> None:
    answer = await till.desk(venue.guest)(
        """mutation ($room: ID!) { createBooking(input: { roomId: $room,
             start: { at: "2027-03-05T10:00:00Z" }, durationMinutes: 60 }) {
             booking { status payment { status clientSecret amount { amount } } }
             userErrors { code } } }""",
        room=api_id(venue.rooms[0]),
    )

    booking = answer.payload["booking"]
    assert booking["status"] == "HELD"
    assert booking["payment"]["status"] == "PENDING"
    assert booking["payment"]["clientSecret"].startswith("pi_")


async def test_the_venues_own_people_book_without_a_payment(
    till: PaymentsApp, venue: Venue
) -> None:
    choice = {"id": api_id(venue.customer)}
    booking = made(await till.desk(venue.staff).create(venue.rooms[0], FRIDAY, customer=choice))

    seen = await till.seen(venue.staff, booking)

    assert (seen["status"], seen["payment"]) == ("CONFIRMED", None)
    assert amounts(seen) == ("0.00", "0.00", "40.00")


async def test_without_a_policy_nothing_is_asked_for(till: PaymentsApp) -> None:
    venue = await make_venue(till.runtime)

    booking = await book(till, venue)

    seen = await till.seen(venue.guest, booking)
    assert (booking["status"], seen["payment"], seen["balanceDue"]) == ("CONFIRMED", None, None)
    assert till.intents(booking) == [] and await till.sums(venue) == {}


async def test_a_hold_keeps_the_terms_it_was_made_under(till: PaymentsApp, venue: Venue) -> None:
    desk = till.desk(venue.guest)
    hold = made(await desk.hold(venue.rooms[0], FRIDAY))
    await till.set_up(venue, version=2, policy="FULL")

    booking = made(await desk.convert(hold))

    seen = await till.seen(venue.guest, booking)
    assert (seen["status"], seen["payment"]["amount"]["amount"]) == ("HELD", "12.00")


async def test_whoever_asks_again_is_told_of_the_same_payment(
    till: PaymentsApp, venue: Venue
) -> None:
    desk = till.desk(venue.guest)
    hold = made(await desk.hold(venue.rooms[0], FRIDAY))

    first, second = made(await desk.convert(hold)), made(await desk.convert(hold))

    assert first["id"] == second["id"]
    assert len(till.intents(first)) == 1


async def test_somebody_else_learns_nothing_of_a_payment(till: PaymentsApp, venue: Venue) -> None:
    booking = await book(till, venue)
    other = await make_venue(till.runtime)

    assert await till.seen(other.owner, booking) is None
    answer = await till.api(
        "query ($id: ID!) { booking(id: $id) { payment { clientSecret } } }", {"id": booking["id"]}
    )
    assert answer.codes == ["UNAUTHENTICATED"]


# ------------------------------------------------------------------------------ made


async def test_a_booking_stands_once_its_deposit_is_paid(till: PaymentsApp, venue: Venue) -> None:
    seen = await booked(till, venue)

    assert (seen["status"], seen["payment"]["status"]) == ("CONFIRMED", "SUCCEEDED")
    assert seen["payment"]["clientSecret"] is None
    assert amounts(seen) == ("12.00", "0.00", "28.00")
    assert seen["payment"]["receipt"]["number"] == "2027-000001"
    assert seen["payment"]["receipt"]["total"] == {"amount": "12.00", "currencyCode": "EUR"}
    await till.agrees(venue)


async def test_receipts_are_numbered_by_venue_and_by_year_of_its_clock(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    other = await make_venue(till.runtime, time_zone="America/New_York")
    await till.set_up(other, policy="FULL")
    numbers = [await receipt(till, each) for each in (venue, venue, other)]

    # In Berlin the year has begun, in New York it has not.
    clock.now = datetime(2027, 12, 31, 23, 30, tzinfo=UTC)
    numbers += [await receipt(till, each) for each in (venue, other)]

    assert numbers == ["2027-000001", "2027-000002", "2027-000001", "2028-000001", "2027-000002"]


async def receipt(till: PaymentsApp, venue: Venue) -> Any:
    """Returns the number of the receipt for a paid booking three days from now."""
    at = till.clock().replace(minute=0) + timedelta(days=3)
    booking = made(await till.desk(venue.guest).create(venue.rooms[0], at))
    await till.pays_and_is_heard(booking)
    seen = await till.seen(venue.guest, booking)
    # So that the next one finds the same time free.
    moved(await till.desk(venue.staff).cancel(seen))
    return seen["payment"]["receipt"]["number"]


async def test_all_that_happened_stands_in_the_history(till: PaymentsApp, venue: Venue) -> None:
    seen = await booked(till, venue)

    history = await till.desk(venue.staff).history(seen)

    assert [each["type"] for each in history] == [
        "BOOKING_HELD",
        "PAYMENT_REQUESTED",
        "PAYMENT_RECEIVED",
        "BOOKING_CREATED",
    ]
    assert history[-1]["actor"]["kind"] == "SYSTEM"


async def test_where_the_venue_confirms_a_paid_booking_is_pending(
    till: PaymentsApp, clock: StoppedClock
) -> None:
    venue = await make_venue(till.runtime, requires_confirmation=True)
    await till.set_up(venue, policy="FULL", cancellationSteps=HALF_IN_THE_END)
    pending = await booked(till, venue)
    clock.now = FRIDAY - timedelta(minutes=5)
    pending = await till.seen(venue.guest, pending)

    rejected = made(await till.desk(venue.staff).reject(pending))

    assert (pending["status"], amounts(pending)) == ("PENDING", ("40.00", "0.00", "0.00"))
    assert pending["cancellationQuote"]["refund"] == {"amount": "40.00"}
    seen = await till.seen(venue.guest, rejected)
    assert (seen["status"], amounts(seen)) == ("REJECTED", ("40.00", "40.00", "0.00"))
    assert [each["cause"] for each in seen["refunds"]] == ["REJECTION"]
    await till.agrees(venue)


async def test_word_that_comes_twice_and_late_changes_nothing(
    till: PaymentsApp, venue: Venue
) -> None:
    booking = await book(till, venue)
    intent = await till.pays(booking)

    await till.hears(intent)
    await till.hears(intent)
    await till.hears(intent, "payment_intent.created")
    await till.hears(intent, "payment_intent.payment_failed")

    seen = await till.seen(venue.guest, booking)
    assert (seen["status"], amounts(seen)) == ("CONFIRMED", ("12.00", "0.00", "28.00"))
    await till.agrees(venue)


async def test_a_payment_is_found_though_its_word_was_lost(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    booking = await book(till, venue)
    await till.pays(booking)

    clock.advance(minutes=4, seconds=41)
    await till.work()

    assert (await till.seen(venue.guest, booking))["status"] == "CONFIRMED"


async def test_the_demos_own_page_pays_for_a_booking(
    api: Api, runtime: Runtime, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime)
    desk = BookingClient(api, runtime, venue.owner)
    terms = """mutation { updatePaymentSettings(version: 1, input: { policy: FULL }) {
                 userErrors { code } } }"""
    assert (await desk(terms)).refusals == []
    booking = made(await BookingClient(api, runtime, venue.guest).create(venue.rooms[0], FRIDAY))
    shown = "query ($id: ID!) { booking(id: $id) { status payment { checkoutUrl } } }"
    page = (await desk(shown, id=booking["id"])).payload["payment"]["checkoutUrl"]

    answer = await api.http.post(page, data={"action": "pay"})
    await run_due_jobs(runtime)

    assert answer.status_code == 303
    assert (await desk(shown, id=booking["id"])).payload == {
        "status": "CONFIRMED",
        "payment": {"checkoutUrl": None},
    }


# ------------------------------------------------------------------------------ failed, late, twice


async def declined(till: PaymentsApp, venue: Venue) -> Any:
    """Returns a booking whose customer mistyped the card, as they see it."""
    booking = await book(till, venue)
    (intent,) = till.intents(booking)
    till.stripe.decline(intent["id"])
    await till.hears(intent, "payment_intent.payment_failed")
    return await till.seen(venue.guest, booking)


async def test_a_declined_payment_gives_the_time_back(till: PaymentsApp, venue: Venue) -> None:
    seen = await declined(till, venue)

    assert (seen["status"], seen["payment"]["status"]) == ("EXPIRED", "PENDING")
    assert seen["payment"]["lastError"] == "insufficient_funds"
    history = await till.desk(venue.staff).history(seen)
    assert [each["type"] for each in history[-2:]] == ["PAYMENT_FAILED", "BOOKING_EXPIRED"]
    assert history[-1]["reason"] == "The payment failed."
    made(await till.desk(venue.staff).create(venue.rooms[0], FRIDAY))


async def test_another_card_gets_the_time_back_while_it_is_free(
    till: PaymentsApp, venue: Venue
) -> None:
    await till.pays_and_is_heard(await declined(till, venue))

    (booking,) = await till.rows(venue, "SELECT status FROM bookings")
    (payment,) = await till.rows(venue, "SELECT status, failure FROM payments")
    assert (booking["status"], *payment) == ("confirmed", "succeeded", None)
    await till.agrees(venue)


async def test_another_cards_money_goes_back_where_the_time_is_taken(
    till: PaymentsApp, venue: Venue
) -> None:
    booking = await declined(till, venue)
    made(await till.desk(venue.staff).create(venue.rooms[0], FRIDAY))

    await till.pays_and_is_heard(booking)

    seen = await till.seen(venue.guest, booking)
    assert (seen["status"], seen["amountRefunded"]) == ("EXPIRED", {"amount": "12.00"})
    await till.agrees(venue)


async def test_where_no_other_card_is_tried_the_payment_ends_in_time(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    booking = await declined(till, venue)
    (intent,) = till.intents(booking)
    await till.hears(intent, "payment_intent.payment_failed")

    clock.advance(minutes=5)
    await till.work()

    seen = await till.seen(venue.guest, booking)
    assert (seen["status"], seen["payment"]["status"]) == ("EXPIRED", "FAILED")
    assert till.intents(booking)[0]["status"] == "canceled"
    history = await till.desk(venue.staff).history(booking)
    assert [each["type"] for each in history].count("PAYMENT_FAILED") == 1


async def test_where_nobody_takes_payments_the_time_is_given_back_at_once(
    till: PaymentsApp, venue: Venue, settings: Settings, clock: StoppedClock
) -> None:
    production = settings.model_copy(update={"environment": Environment.PRODUCTION})
    till.runtime.services[Gateway] = gateway_of(production, clock=clock)  # type: ignore[index]

    booking = await book(till, venue)

    seen = await till.seen(venue.guest, booking)
    assert (booking["status"], booking["version"]) == ("CANCELLED", seen["version"])
    assert (seen["payment"]["status"], seen["payment"]["clientSecret"]) == ("FAILED", None)


async def test_a_payment_that_is_not_made_in_time_ends_with_its_hold(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    booking = await book(till, venue)

    clock.advance(minutes=5)
    await till.work()

    seen = await till.seen(venue.guest, booking)
    assert (seen["status"], seen["payment"]["status"]) == ("EXPIRED", "CANCELLED")
    assert till.intents(booking)[0]["status"] == "canceled"
    await till.agrees(venue)


async def test_late_money_gets_the_time_while_it_is_free(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    booking = await book(till, venue)
    clock.advance(minutes=6)

    await till.pays_and_is_heard(booking)

    seen = await till.seen(venue.guest, booking)
    assert (seen["status"], amounts(seen)) == ("CONFIRMED", ("12.00", "0.00", "28.00"))
    await till.agrees(venue)


async def test_late_money_goes_back_where_the_time_is_taken(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    booking = await book(till, venue)
    clock.advance(minutes=6)
    other = made(await till.desk(venue.staff).create(venue.rooms[0], FRIDAY))

    await till.pays_and_is_heard(booking)

    seen = await till.seen(venue.guest, booking)
    assert (seen["status"], other["status"]) == ("EXPIRED", "CONFIRMED")
    assert [(each["cause"], each["status"]) for each in seen["refunds"]] == [
        ("TOO_LATE", "SUCCEEDED")
    ]
    assert seen["payment"]["receipt"] is None
    await till.agrees(venue)


async def test_money_for_what_was_cancelled_meanwhile_goes_back(
    till: PaymentsApp, venue: Venue
) -> None:
    booking = await book(till, venue)
    intent = await till.pays(booking)
    moved(await till.desk(venue.guest).cancel(booking))

    await till.hears(intent)

    seen = await till.seen(venue.guest, booking)
    assert (seen["status"], seen["amountRefunded"]) == ("CANCELLED", {"amount": "12.00"})
    await till.agrees(venue)


async def test_money_that_arrives_twice_goes_back_once(till: PaymentsApp, venue: Venue) -> None:
    seen = await booked(till, venue)
    (first,) = till.intents(seen)
    # Made by a call whose answer was lost, after the gateway had forgotten its key.
    twin = {**first, "id": "pi_twin", "client_secret": "pi_twin_secret"}
    till.stripe.intents[None]["pi_twin"] = twin

    await till.hears(twin)
    await till.hears(twin)

    seen = await till.seen(venue.guest, seen)
    assert seen["status"] == "CONFIRMED"
    assert amounts(seen) == ("24.00", "12.00", "28.00")
    assert [each["cause"] for each in seen["refunds"]] == ["SURPLUS"]
    await till.agrees(venue)


async def test_another_tenants_payment_confirms_nothing(till: PaymentsApp, venue: Venue) -> None:
    booking = await book(till, venue)
    other = await make_venue(till.runtime)
    (intent,) = till.intents(booking)
    till.stripe.pay(intent["id"])

    misplaced = {**intent, "metadata": {**intent["metadata"], "tenant_id": str(other.tenant.id)}}
    await till.hears(misplaced)

    assert (await till.seen(venue.guest, booking))["status"] == "HELD"


async def test_word_from_elsewhere_is_not_followed(till: PaymentsApp, venue: Venue) -> None:
    booking = await book(till, venue)
    (intent,) = till.intents(booking)
    before = len(till.stripe.requests)

    await till.hears(intent, account="acct_of_somebody")

    assert len(till.stripe.requests) == before


async def test_word_of_another_gateway_is_kept_for_who_knows_it(
    till: PaymentsApp, venue: Venue
) -> None:
    of_demo = GatewayEvent(
        "local",
        "evt_1",
        "payment.paid",
        Subject.PAYMENT,
        till.clock(),
        "pay_1",
        metadata={"tenant_id": str(venue.tenant.id)},
    )

    with pytest.raises(AnotherGateway):
        await payment_event(till.runtime, of_demo)


async def test_no_transaction_is_open_while_stripe_is_asked(
    till: PaymentsApp, venue: Venue, clock: StoppedClock, database: DatabaseUrls
) -> None:
    async with watched(till.stripe, database) as waiting:
        seen = await booked(till, venue)
        moved(await till.desk(venue.guest).cancel(seen))
        late = await book(till, venue)
        clock.advance(minutes=5)
        await till.work()

    assert {each.path.split("/")[2] for each in till.stripe.requests} == {
        "payment_intents",
        "refunds",
    }
    assert till.intents(late)[0]["status"] == "canceled"
    assert waiting == set()


async def test_a_used_up_plan_sends_the_money_back(till: PaymentsApp, venue: Venue) -> None:
    booking = await book(till, venue)
    await till.rows(
        venue,
        """UPDATE tenants SET plan_code = 'STARTER' WHERE id = $1""",
        venue.tenant.id,
    )
    await till.rows(
        venue,
        """INSERT INTO usage_counters (tenant_id, meter, period_start, used)
           VALUES ($1, 'bookings', '2027-03-01', 100)""",
        venue.tenant.id,
    )

    await till.pays_and_is_heard(booking)

    seen = await till.seen(venue.guest, booking)
    assert (seen["status"], seen["amountRefunded"]) != ("CONFIRMED", {"amount": "0.00"})
    assert seen["amountRefunded"] == {"amount": "12.00"}
    await till.agrees(venue)


async def test_a_guest_who_pays_has_confirmed_and_cancels_within_the_hour_for_nothing(
    till: PaymentsApp, venue: Venue, clock: StoppedClock
) -> None:
    arguments = {
        "subdomain": venue.tenant.subdomain,
        "roomId": api_id(venue.rooms[0]),
        "start": {"at": FRIDAY.isoformat()},
        "durationMinutes": 60,
        "customer": {"name": "Gus", "email": "gus@guests.test"},
    }
    book_as_guest = """mutation ($input: BookAsGuestInput!) { bookAsGuest(input: $input) {
      token booking { status nextStep } userErrors { code } } }"""
    cancel = """mutation ($token: String!, $version: Int!) {
      cancelGuestBooking(version: $version, input: { token: $token }) { userErrors { code } } }"""
    answer = (await till.api(book_as_guest, {"input": arguments})).payload
    (intent,) = till.stripe.intents[None].values()

    unpaid = await till.api(CONFIRM, {"input": {"token": mailed(till.runtime, answer["token"])}})
    till.stripe.pay(intent["id"])
    await till.hears(intent)
    paid = await usage(till, venue)
    clock.advance(minutes=59)
    text = "query ($token: String!) { guestBooking(token: $token) { status nextStep version } }"
    seen = (await till.api(text, {"token": answer["token"]})).payload
    given = {"token": answer["token"], "version": seen["version"]}
    cancelled = await till.api(cancel, given)

    assert answer["booking"] == {"status": "HELD", "nextStep": "PAY"}
    assert (unpaid.refusals, unpaid.payload["booking"]) == (["PAYMENT_REQUIRED"], None)
    assert (seen["status"], seen["nextStep"]) == ("CONFIRMED", None)
    assert (paid, cancelled.refusals, await usage(till, venue)) == (1, [], 0)


async def usage(till: PaymentsApp, venue: Venue) -> int:
    """Returns the bookings of this month that count for the plan."""
    text = "{ tenant { usage { bookings { used } } } }"
    used: int = (await till.desk(venue.owner)(text)).payload["usage"]["bookings"]["used"]
    return used


# ------------------------------------------------------------------------------ held cards


@pytest_asyncio.fixture
async def strict(till: PaymentsApp) -> Venue:
    """A venue that holds a card for half of the price."""
    venue = await make_venue(till.runtime)
    await till.set_up(venue, policy="CARD_HOLD", percent=50)
    return venue


async def test_a_held_card_confirms_and_moves_no_money(till: PaymentsApp, strict: Venue) -> None:
    seen = await booked(till, strict)

    assert (seen["status"], seen["payment"]["status"]) == ("CONFIRMED", "AUTHORIZED")
    assert amounts(seen) == ("0.00", "0.00", "40.00")
    await till.agrees(strict)


async def test_a_no_show_is_charged_to_the_held_card(
    till: PaymentsApp, strict: Venue, clock: StoppedClock
) -> None:
    seen = await booked(till, strict)
    clock.now = FRIDAY + timedelta(minutes=20)

    made(await till.desk(strict.staff).no_show(seen))

    seen = await till.seen(strict.guest, seen)
    assert (seen["status"], seen["payment"]["status"]) == ("NO_SHOW", "SUCCEEDED")
    assert amounts(seen) == ("20.00", "0.00", "0.00")
    assert seen["payment"]["receipt"]["lines"][0]["label"].startswith("No-show fee: Room 1")
    await till.agrees(strict)


async def test_a_waived_fee_lets_the_card_go_and_is_written_down(
    till: PaymentsApp, strict: Venue, clock: StoppedClock
) -> None:
    seen = await booked(till, strict)
    clock.now = FRIDAY + timedelta(minutes=20)

    waived = {"waiveFee": True, "reason": "Their train was late."}
    made(await till.desk(strict.staff).change("markNoShow", seen, waived))

    seen = await till.seen(strict.guest, seen)
    assert (seen["status"], seen["payment"]["status"]) == ("NO_SHOW", "CANCELLED")
    assert amounts(seen) == ("0.00", "0.00", "0.00")
    last = (await till.desk(strict.staff).history(seen))[-1]
    assert last["reason"] == "Their train was late."
    assert {"field": "noShowFee", "before": None, "after": "waived"} in last["changes"]
    await till.agrees(strict)


@pytest.mark.parametrize("how", ["completed", "cancelled"])
async def test_a_held_card_is_let_go_at_the_end(
    till: PaymentsApp, strict: Venue, clock: StoppedClock, how: str
) -> None:
    seen = await booked(till, strict)

    if how == "cancelled":
        moved(await till.desk(strict.guest).cancel(seen))
    else:
        clock.now = FRIDAY + timedelta(hours=2)
        made(await till.desk(strict.staff).complete(seen))

    seen = await till.seen(strict.guest, seen)
    assert (seen["status"], seen["payment"]["status"]) == (how.upper(), "CANCELLED")
    assert till.intents(seen)[0]["status"] == "canceled"
    await till.agrees(strict)


# ------------------------------------------------------------------------------ settings


async def test_settings_are_shown_to_all_who_book(till: PaymentsApp, venue: Venue) -> None:
    answer = await till.api(
        """query ($subdomain: String!) { venue(subdomain: $subdomain) { paymentSettings {
             policy percent amount { amount } cancellationSteps { minutesBefore label } } } }""",
        {"subdomain": venue.tenant.subdomain},
    )

    assert answer.payload["paymentSettings"] == {
        "policy": "DEPOSIT",
        "percent": 30,
        "amount": None,
        "cancellationSteps": [
            {"minutesBefore": 1440, "label": "Free until 24 hours before the start"},
            {"minutesBefore": 120, "label": "50 % back until 2 hours before the start"},
        ],
    }


async def test_an_amount_takes_the_place_of_a_percentage(till: PaymentsApp, venue: Venue) -> None:
    amount = {"amount": "15.00", "currencyCode": "EUR"}

    answer = await till.set_up(venue, version=2, amount=amount)

    settings = answer.payload["tenant"]["paymentSettings"]
    assert (settings["percent"], settings["amount"]) == (None, {"amount": "15.00"})
    assert [each["refundPercent"] for each in settings["cancellationSteps"]] == [100, 50]


async def test_settings_that_make_no_sense_are_refused(till: PaymentsApp, venue: Venue) -> None:
    answer = await change(till, venue, policy="CARD_HOLD", percent=0)
    steps = [{"minutesBefore": -1, "refundPercent": 50}]

    assert refused(answer)["path"] == ["input", "percent"]
    answer = await change(till, venue, cancellationSteps=steps)
    assert refused(answer)["path"] == ["input", "cancellationSteps", "0", "minutesBefore"]


@pytest.mark.parametrize(
    ("currency", "amount"), [("EUR", "0.49"), ("KWD", "1.005"), ("KWD", "0.009"), ("JPY", "49")]
)
async def test_a_deposit_that_no_card_can_be_charged_is_refused(
    till: PaymentsApp, currency: str, amount: str
) -> None:
    venue = await make_venue(till.runtime, currency=currency)
    given: Any = {"amount": amount, "currencyCode": currency}

    refusal = refused(await change(till, venue, version=1, policy="DEPOSIT", amount=given))

    assert (refusal["code"], refusal["path"]) == ("INVALID", ["input", "amount"])


async def test_terms_of_which_a_rooms_hour_can_not_be_charged_are_refused(
    till: PaymentsApp,
) -> None:
    venue = await make_venue(till.runtime, rate_minor=400)

    answer = await change(till, venue, version=1, policy="DEPOSIT", percent=10)

    assert refused(answer)["path"] == ["input", "percent"]
    assert (await change(till, venue, version=1, policy="FULL")).refusals == []


@pytest.mark.parametrize(("currency", "rate"), [("EUR", "0.40"), ("KWD", "4.005")])
async def test_a_rate_that_no_card_can_be_charged_is_refused(
    till: PaymentsApp, currency: str, rate: str
) -> None:
    venue = await make_venue(till.runtime, currency=currency)
    await till.set_up(venue, policy="FULL")

    answer = await till.desk(venue.owner)(
        """mutation ($id: ID!, $rate: MoneyInput!) { updateRoom(
             id: $id, version: 1, input: { hourlyRate: $rate }) { userErrors { code path } } }""",
        id=api_id(venue.rooms[0]),
        rate={"amount": rate, "currencyCode": currency},
    )

    assert refused(answer)["path"] == ["input", "hourlyRate"]


async def test_what_is_too_little_for_a_card_is_not_asked_for(
    till: PaymentsApp, venue: Venue
) -> None:
    await till.rows(venue, "UPDATE rooms SET hourly_rate_minor = 100")

    booking = await book(till, venue)

    seen = await till.seen(venue.guest, booking)
    assert (seen["status"], seen["payment"], amounts(seen)[2]) == ("CONFIRMED", None, "1.00")


@pytest.mark.parametrize("change", [{"amount_received": 1100}, {"currency": "usd"}])
async def test_other_money_than_was_asked_for_is_kept_and_pays_for_nothing(
    till: PaymentsApp, venue: Venue, change: dict[str, Any]
) -> None:
    booking = await book(till, venue)
    intent = await till.pays(booking)
    intent.update(change)

    await till.hears(intent)
    await till.hears(intent)

    seen = await till.seen(venue.guest, booking)
    assert (seen["status"], seen["payment"]["status"]) == ("HELD", "MISMATCHED")
    assert seen["payment"]["lastError"] == "amount_mismatch"
    assert (seen["amountPaid"]["amount"], seen["refunds"]) == ("0.00", [])
    assert await received(till, venue, booking) == {
        "amount": f"{intent['amount_received'] / 100:.2f}",
        "currencyCode": intent["currency"].upper(),
    }
    assert till.stripe.all_refunds() == [] and await till.sums(venue) == {}


async def received(till: PaymentsApp, venue: Venue, booking: Any) -> Any:
    """Returns what was received for a booking instead of the requested amount."""
    text = """query ($id: ID!) { booking(id: $id) {
        payment { received { amount currencyCode } } } }"""
    return (await till.desk(venue.manager)(text, id=booking["id"])).payload["payment"]["received"]


@pytest.mark.parametrize("name", ["policy", "cancellationSteps"])
async def test_what_can_not_be_cleared_is_required(
    till: PaymentsApp, venue: Venue, name: str
) -> None:
    nothing: dict[str, Any] = {name: None}

    refusal = refused(await change(till, venue, **nothing))

    assert (refusal["code"], refusal["path"]) == ("REQUIRED", ["input", name])


@pytest.mark.parametrize("amount", ["-1.00", "0.00", "0.001", "1e3", "NaN", "9" * 30, ""])
async def test_an_absurd_amount_is_refused(till: PaymentsApp, venue: Venue, amount: str) -> None:
    answer = await change(till, venue, amount={"amount": amount, "currencyCode": "EUR"})

    assert answer.codes in ([], ["BAD_USER_INPUT"])
    assert answer.codes or answer.refusals != []


async def test_staff_can_not_change_what_is_asked_for(till: PaymentsApp, venue: Venue) -> None:
    answer = await change(till, venue, by="staff", policy="NONE")

    assert answer.codes == ["FORBIDDEN"]


async def change(
    till: PaymentsApp, venue: Venue, *, by: str = "owner", version: int = 2, **given: Any
) -> Answer:
    return await till.desk(getattr(venue, by))(
        """mutation ($version: Int!, $input: UpdatePaymentSettingsInput!) {
             updatePaymentSettings(version: $version, input: $input) {
               userErrors { code path } } }""",
        version=version,
        input=given,
    )


async def test_a_dry_run_asks_the_gateway_for_nothing(till: PaymentsApp, venue: Venue) -> None:
    dry = made(await till.desk(venue.guest).create(venue.rooms[0], FRIDAY, dryRun=True))
    booking = await book(till, venue)

    assert dry["status"] == booking["status"] == "HELD"
    assert till.intents(dry) == []
    assert len(till.intents(booking)) == 1
