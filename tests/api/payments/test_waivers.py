"""What a customer owes for a booking is waived, or given back without being due again."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from kit.settings import Settings
from tests.support.client import Answer
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import made, moved
from tests.support.factories import Person, Venue, make_venue
from tests.support.till import PaymentsApp, opened

FRIDAY = MONDAY_MORNING + timedelta(days=4)
WAIVE = """mutation ($id: ID!, $version: Int!, $input: WaiveBalanceInput) {
  waiveBalance(id: $id, version: $version, input: $input) {
    booking { id version balanceDue { amount } price { total { amount } } }
    userErrors { code message path }
  }
}"""
REFUND = """mutation ($id: ID!, $version: Int!, $input: RefundBookingInput!) {
  refundBooking(id: $id, version: $version, input: $input) {
    booking { id version balanceDue { amount } } userErrors { code }
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
    await till.set_up(made, policy="FULL", cancellationSteps=[])
    return made


@pytest_asyncio.fixture
async def paid(till: PaymentsApp, venue: Venue) -> Any:
    """A booking of the guest for 40 that is paid."""
    booking = made(await till.desk(venue.guest).create(venue.rooms[0], FRIDAY))
    await till.pays_and_is_heard(booking)
    return await till.seen(venue.guest, booking)


async def waive(till: PaymentsApp, by: Person, booking: Any, **given: Any) -> Answer:
    version = booking["version"]
    return await till.desk(by)(WAIVE, id=booking["id"], version=version, input=given)


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "EUR"}


async def test_what_is_due_is_waived_in_part_and_then_all_of_it(
    till: PaymentsApp, venue: Venue, paid: Any
) -> None:
    longer = moved(await till.desk(venue.staff).move(paid, FRIDAY, durationMinutes=120))

    part = await waive(till, venue.manager, longer, amount=euros("15.00"), reason="Heating")
    rest = await waive(till, venue.manager, part.payload["booking"])
    nothing = await waive(till, venue.manager, rest.payload["booking"])

    assert part.payload["booking"]["balanceDue"] == {"amount": "25.00"}
    assert rest.payload["booking"]["balanceDue"] == {"amount": "0.00"}
    assert rest.payload["booking"]["price"]["total"] == {"amount": "80.00"}
    assert [each["message"] for each in nothing.payload["userErrors"]] == [
        "Nothing is due for this booking."
    ]
    await till.agrees(venue)


@pytest.mark.parametrize(
    ("amount", "path"), [("40.01", ["input", "amount"]), ("0.00", ["input", "amount"])]
)
async def test_no_more_is_waived_than_is_due(
    till: PaymentsApp, venue: Venue, paid: Any, amount: str, path: list[str]
) -> None:
    longer = moved(await till.desk(venue.staff).move(paid, FRIDAY, durationMinutes=120))

    answer = await waive(till, venue.manager, longer, amount=euros(amount))

    assert [(each["code"], each["path"]) for each in answer.payload["userErrors"]] == [
        ("INVALID", path)
    ]


async def test_staff_who_may_not_refund_waive_nothing(
    till: PaymentsApp, venue: Venue, paid: Any
) -> None:
    assert (await waive(till, venue.staff, paid)).codes == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("goodwill", "due"), [(False, "10.00"), (True, "0.00")], ids=["refund", "goodwill"]
)
async def test_what_goes_back_as_goodwill_is_not_due_again(
    till: PaymentsApp, venue: Venue, paid: Any, goodwill: bool, due: str
) -> None:
    answer = await till.desk(venue.manager)(
        REFUND,
        id=paid["id"],
        version=paid["version"],
        input={"amount": euros("10.00"), "isGoodwill": goodwill},
    )

    assert answer.payload["booking"]["balanceDue"] == {"amount": due}
    await till.agrees(venue)
