"""A guest pays a deposit, the plans change, and half of it comes back."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest_asyncio

from kit.settings import Settings
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import made
from tests.support.factories import api_id, make_venue
from tests.support.till import PaymentsApp, opened

FRIDAY = MONDAY_MORNING + timedelta(days=4)
SHOWN = """
  reference version status
  payment { status amount { amount } clientSecret receipt { number lines { label } } }
  amountPaid { amount } amountRefunded { amount } balanceDue { amount }
  cancellationQuote { refund { amount } fee { amount } stepLabel endsAt }
"""


@pytest_asyncio.fixture
async def till(settings: Settings, clock: StoppedClock) -> AsyncIterator[PaymentsApp]:
    async with opened(settings, clock) as made:
        yield made


async def test_from_the_deposit_to_half_of_it_back(till: PaymentsApp, clock: StoppedClock) -> None:
    venue = await make_venue(till.runtime)

    # The venue asks for a deposit, and says until when it gives what back.
    await till.set_up(
        venue,
        policy="DEPOSIT",
        percent=30,
        cancellationSteps=[
            {"minutesBefore": 24 * 60, "refundPercent": 100},
            {"minutesBefore": 120, "refundPercent": 50},
        ],
    )

    # A guest books two hours, and is asked to pay within five minutes.
    answer = await till.api(
        f"""mutation ($input: BookAsGuestInput!) {{ bookAsGuest(input: $input) {{
              token booking {{ {SHOWN} }} userErrors {{ code message }} }} }}""",
        {
            "input": {
                "subdomain": venue.tenant.subdomain,
                "roomId": api_id(venue.rooms[0]),
                "start": {"at": FRIDAY.isoformat()},
                "durationMinutes": 120,
                "customer": {"name": "Gus", "email": "gus@guests.test"},
            }
        },
    )
    assert answer.refusals == []
    token, booking = answer.payload["token"], answer.payload["booking"]
    assert (booking["status"], booking["payment"]["amount"]) == ("HELD", {"amount": "24.00"})
    assert booking["payment"]["clientSecret"].startswith("pi_")

    # Nobody else gets the time meanwhile.
    taken = await till.desk(venue.guest).create(venue.rooms[0], FRIDAY)
    assert taken.refusals == ["SLOT_TAKEN"]

    # The deposit arrives: the booking stands, with a receipt, and the rest is due.
    (intent,) = till.stripe.intents[None].values()
    till.stripe.pay(intent["id"])
    clock.advance(minutes=3)
    await till.hears(intent)
    booking = await look(till, token)
    assert booking["status"] == "CONFIRMED"
    assert booking["payment"]["receipt"] == {
        "number": "2027-000001",
        "lines": [{"label": f"Deposit: Room 1, booking {booking['reference']}"}],
    }
    assert amounts(booking) == ("24.00", "0.00", "56.00")

    # Three hours before, the guest can't come: half of the deposit would come back.
    clock.now = FRIDAY - timedelta(hours=3)
    booking = await look(till, token)
    assert booking["cancellationQuote"] == {
        "refund": {"amount": "12.00"},
        "fee": {"amount": "12.00"},
        "stepLabel": "50 % back until 2 hours before the start",
        "endsAt": "2027-03-05T07:00:00Z",
    }
    answer = await till.api(
        """mutation ($version: Int!, $input: CancelGuestBookingInput!) {
             cancelGuestBooking(version: $version, input: $input) {
               booking { status } refund { amount } userErrors { code } } }""",
        {"version": booking["version"], "input": {"token": token}},
    )
    assert answer.payload["refund"] == {"amount": "12.00"}

    # It does; and the time is free for others.
    booking = await look(till, token)
    assert (booking["status"], amounts(booking)) == ("CANCELLED", ("24.00", "12.00", "0.00"))
    assert [each["amount"] for each in till.stripe.all_refunds()] == [1200]
    await till.agrees(venue)
    desk = till.desk(venue.staff)
    assert made(await desk.create(venue.rooms[0], FRIDAY))["status"] == "CONFIRMED"


async def look(till: PaymentsApp, token: str) -> Any:
    """Returns the guest's booking, by its link."""
    text = f"query ($token: String!) {{ guestBooking(token: $token) {{ {SHOWN} }} }}"
    return (await till.api(text, {"token": token})).payload


def amounts(booking: Any) -> tuple[str, ...]:
    names = ("amountPaid", "amountRefunded", "balanceDue")
    return tuple(booking[name]["amount"] for name in names)
