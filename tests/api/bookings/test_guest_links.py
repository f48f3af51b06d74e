"""Guests' links end when they are revoked or replaced, or the booking changes its customer."""

import pytest

from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.security.allowances import Allowances
from kit.security.tokens import Link, Links
from kit.settings import Settings
from resolvers.accounts.outgoing_mail import GUEST_CODES, MailKind
from tests.api.accounts.accounts import code_in, forget_what_was_spent, logged, mails
from tests.api.accounts.test_outgoing_mail import write
from tests.api.bookings.test_guests import BOOK, GUEST, HOLD, slot
from tests.api.bookings.test_self_service import booked, cancel, move, show
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.desk import made
from tests.support.factories import Venue, api_id, make_booking, make_venue
from tests.support.guests import confirm
from tests.support.till import opened

REVOKE = """
    mutation ($id: ID!) {
      revokeGuestLink(id: $id) { booking { version } userErrors { code path } }
    }
"""
REQUEST = """
    mutation ($input: RequestGuestLinkInput!) { requestGuestLink(input: $input) {
      userErrors { code path }
    } }
"""
GIVE = """
    mutation ($id: ID!, $customer: CustomerInput) {
      updateBooking(id: $id, version: 2, input: { customer: $customer }) { userErrors { code } }
    }
"""
CONVERT = """
    mutation ($hold: ID!, $customer: CustomerInput!) {
      createBooking(input: { holdId: $hold, customer: $customer }) { userErrors { code } }
    }
"""


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0)


async def only_id(api: Api, venue: Venue) -> str:
    answer = await api("{ bookings { nodes { id } } }", token=venue.staff.token)
    ((id,),) = (each.values() for each in answer.payload["nodes"])
    return str(id)


async def request(api: Api, venue: Venue, reference: str, email: str = GUEST["email"]) -> Answer:
    arguments = {"subdomain": venue.tenant.subdomain, "reference": reference, "email": email}
    return await api(REQUEST, {"input": arguments})


async def reference_of(api: Api, token: str) -> str:
    return str((await show(api, token)).payload["reference"])


# ------------------------------------------------------------------------------ revoked


async def test_a_revoked_link_opens_nothing(api: Api, runtime: Runtime, venue: Venue) -> None:
    token = await booked(api, runtime, venue)

    revoked = await api(REVOKE, {"id": await only_id(api, venue)}, token=venue.staff.token)

    assert revoked.payload == {"booking": {"version": 2}, "userErrors": []}
    assert (await show(api, token)).codes == ["UNAUTHENTICATED"]
    assert (await move(api, token)).refusals == ["INVALID_CREDENTIALS"]
    assert (await cancel(api, token)).refusals == ["INVALID_CREDENTIALS"]


async def test_a_revoked_link_turns_no_hold_into_a_booking(api: Api, venue: Venue) -> None:
    hold = (await api(HOLD, {"input": slot(venue)})).payload["token"]
    await api(REVOKE, {"id": await only_id(api, venue)}, token=venue.staff.token)

    given = {"subdomain": venue.tenant.subdomain, "customer": GUEST, "holdToken": hold}
    answer = await api(BOOK, {"input": given})

    assert [(each["code"], each["path"]) for each in answer.payload["userErrors"]] == [
        ("INVALID_CREDENTIALS", ["input", "holdToken"])
    ]


async def test_customers_revoke_no_links(api: Api, runtime: Runtime, venue: Venue) -> None:
    await booked(api, runtime, venue)

    answer = await api(REVOKE, {"id": await only_id(api, venue)}, token=venue.guest.token)

    assert answer.codes == ["FORBIDDEN"]


async def test_a_link_from_before_links_had_versions_is_good_until_it_is_revoked(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    booking = await make_booking(runtime, venue, clock.now.replace(day=2))
    links = runtime.services[Links]
    assert isinstance(links, Links)
    token = links.sign(Link(venue.tenant.id, booking.id))

    before = await show(api, token)
    await api(REVOKE, {"id": api_id(booking)}, token=venue.staff.token)

    assert before.codes == []
    assert (await show(api, token)).codes == ["UNAUTHENTICATED"]


# ------------------------------------------------------------------------------ changed hands


async def test_a_link_ends_when_the_booking_is_given_to_somebody_else(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    token = await booked(api, runtime, venue)
    other = {"id": api_id(venue.other_customer)}

    given = await api(
        GIVE, {"id": await only_id(api, venue), "customer": other}, token=venue.staff.token
    )

    assert given.refusals == []
    assert (await show(api, token)).codes == ["UNAUTHENTICATED"]


async def test_a_link_stays_good_when_the_booking_is_given_to_the_same(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    token = await booked(api, runtime, venue)
    same = {"new": {"name": "Gus again", "email": GUEST["email"]}}

    given = await api(
        GIVE, {"id": await only_id(api, venue), "customer": same}, token=venue.staff.token
    )

    assert given.refusals == []
    assert (await show(api, token)).codes == []


async def test_a_guests_hold_that_staff_book_for_somebody_else_is_no_longer_theirs(
    api: Api, venue: Venue
) -> None:
    hold = (await api(HOLD, {"input": slot(venue)})).payload["token"]
    other = {"id": api_id(venue.other_customer)}

    given = {"hold": await only_id(api, venue), "customer": other}
    converted = await api(CONVERT, given, token=venue.staff.token)

    assert converted.refusals == []
    assert (await show(api, hold)).codes == ["UNAUTHENTICATED"]


# ------------------------------------------------------------------------------ replaced


async def test_a_guest_who_lost_the_link_is_mailed_another_which_ends_the_first(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    first = await booked(api, runtime, venue)
    reference = await reference_of(api, first)

    typed = f" {reference.lower().replace('-', '').replace('0', 'o')} "
    answer = await request(api, venue, typed, "GUS@example.test")
    (_, letter) = await mails(runtime, settings)

    assert answer.refusals == []
    assert (letter["To"], letter["Subject"]) == (
        "gus@example.test",
        f"The code for your booking {reference} at {venue.tenant.name}",
    )
    assert (await show(api, first)).codes == ["UNAUTHENTICATED"]
    assert await reference_of(api, code_in(letter)) == reference
    assert (await logged(runtime, venue))[-1].type == "GUEST_LINK_REVOKED"


async def test_a_request_for_no_booking_is_answered_alike_and_mails_nothing(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    first = await booked(api, runtime, venue)
    reference = await reference_of(api, first)
    elsewhere = await make_venue(runtime)

    asked = [
        await request(api, venue, reference),
        await request(api, venue, reference, "other@example.test"),
        await request(api, venue, reference, ""),
        await request(api, venue, "0000-0000"),
        await request(api, elsewhere, reference),
    ]

    assert [answer.body["data"] for answer in asked] == [asked[0].body["data"]] * 5
    assert len(await mails(runtime, settings)) == 2


async def test_no_link_is_mailed_to_a_booking_that_is_over(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    reference = await reference_of(api, await booked(api, runtime, venue))
    clock.advance(days=3)

    await request(api, venue, reference)

    assert len(await mails(runtime, settings)) == 1


class TestAllowances:
    """With allowances counted."""

    @pytest.fixture
    async def settings(self, settings: Settings, database: DatabaseUrls) -> Settings:
        await forget_what_was_spent(database)
        return settings.model_copy(update={"rate_limit": True})

    async def test_a_link_is_requested_three_times_an_hour_whether_it_exists_or_not(
        self, api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
    ) -> None:
        reference = await reference_of(api, await booked(api, runtime, venue))

        typed = [reference, reference.lower(), reference.replace("-", ""), f" {reference}"]
        real = [(await request(api, venue, each)).codes for each in typed]
        unreal = [(await request(api, venue, "0000-0000")).codes for _ in range(4)]
        clock.advance(hours=1)
        later = await request(api, venue, reference)

        assert real == unreal == [[], [], [], ["THROTTLED"]]
        assert later.codes == []

    async def test_one_booking_uses_up_no_code_of_another(
        self, api: Api, runtime: Runtime, settings: Settings, venue: Venue
    ) -> None:
        one, other = [await booked(api, runtime, venue, hour) for hour in (10, 12)]
        # What is due at once is done in no order.
        await mails(runtime, settings)
        for _ in range(3):
            await request(api, venue, await reference_of(api, one))
            one = code_in((await mails(runtime, settings))[-1])

        reference = await reference_of(api, other)
        await request(api, venue, reference)

        letters = await mails(runtime, settings)
        assert len(letters) == 2 + 3 + 1
        assert await reference_of(api, code_in(letters[-1])) == reference

    async def test_no_request_for_a_password_uses_up_the_codes_of_guests(
        self, api: Api, runtime: Runtime, settings: Settings, venue: Venue
    ) -> None:
        owner = venue.owner.user.email
        reference = await reference_of(api, await booked(api, runtime, venue, email=owner))
        for _ in range(3):
            await write(runtime, venue.owner.actor, owner, kind=MailKind.RESET)
        before = await mails(runtime, settings)

        await request(api, venue, reference, owner)

        letters = await mails(runtime, settings)
        assert len(letters) == len(before) + 1
        assert reference in letters[-1]["Subject"]

    async def test_the_code_before_is_good_where_a_guest_has_had_enough_mail(
        self, api: Api, runtime: Runtime, settings: Settings, venue: Venue
    ) -> None:
        token = await booked(api, runtime, venue)
        reference = await reference_of(api, token)
        allowances = runtime.services[Allowances]
        assert isinstance(allowances, Allowances)
        for _ in range(GUEST_CODES.limit):
            await allowances.spend(GUEST_CODES, GUEST["email"], str(venue.tenant.id))

        answer = await request(api, venue, reference)

        assert answer.refusals == []
        assert len(await mails(runtime, settings)) == 1
        assert await reference_of(api, token) == reference

    async def test_what_nobody_confirmed_counts_with_the_codes_that_strangers_cause(
        self, api: Api, runtime: Runtime, settings: Settings, venue: Venue
    ) -> None:
        answer = await api(BOOK, {"input": {**slot(venue), "customer": GUEST}})
        reference = answer.payload["booking"]["reference"]

        for _ in range(3):
            await request(api, venue, reference)
            await mails(runtime, settings)

        (*_, last) = letters = await mails(runtime, settings)
        assert len(letters) == 3
        assert await reference_of(api, code_in(last)) == reference
        assert (await confirm(api, code_in(last))).refusals == []


async def test_a_code_confirms_nothing_that_its_customer_has_to_pay_for(
    settings: Settings, clock: StoppedClock
) -> None:
    async with opened(settings, clock) as till:
        venue = await make_venue(till.runtime)
        await till.set_up(venue, policy="FULL")
        hold = made(await till.desk(venue.guest).hold(venue.rooms[0], clock.now.replace(day=5)))

        await request(till.api, venue, hold["reference"], str(venue.customer.email))
        letter = (await mails(till.runtime, settings))[-1]
        answer = await confirm(till.api, code_in(letter))

        assert answer.refusals == ["PAYMENT_REQUIRED"]
        assert (await till.desk(venue.staff).booking(hold["id"]))["status"] == "HELD"
