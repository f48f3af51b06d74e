"""Customers sign up, and verify their address before they book."""

import asyncio
from typing import Any

import pytest

from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.accounts.accounts import code_in, last_code, login, mails, refresh
from tests.api.tenants.test_registration import registration as business
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, api_id, make_booking, make_venue

REGISTER = """
    mutation ($input: RegisterCustomerInput!) {
      registerCustomer(input: $input) {
        session {
          accessToken refreshToken
          user { name email role emailVerifiedAt customer { id } tenant { name } }
        }
        userErrors { code path }
      }
    }
"""
REGISTER_TENANT = """
    mutation ($input: RegisterTenantInput!) {
      registerTenant(input: $input) { session { accessToken } userErrors { code } }
    }
"""
VERIFY = """
    mutation ($token: String!) { verifyEmail(input: {token: $token}) { userErrors { code path } } }
"""
AGAIN = "mutation { requestEmailVerification { userErrors { code } } }"
VIEWER = "{ viewer { emailVerifiedAt customer { id name email phone } } }"
HOLD = """
    mutation ($input: HoldBookingInput!) {
      holdBooking(input: $input) { booking { id status } userErrors { code } }
    }
"""
BOOK = """
    mutation ($input: CreateBookingInput!) {
      createBooking(input: $input) { booking { status customer { id } } userErrors { code } }
    }
"""
BOOKINGS = "{ bookings { nodes { id status } } }"


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0)


async def register(api: Api, venue: Venue, **changed: Any) -> Answer:
    arguments = {
        "subdomain": venue.tenant.subdomain,
        "name": "Vera",
        "email": "vera@example.test",
        "phone": "+49 30 1234",
        "password": "a long enough password",
    }
    answer = await api(REGISTER, {"input": {**arguments, **changed}})
    api.http.cookies.clear()
    return answer


async def registered(api: Api, venue: Venue, **changed: Any) -> str:
    """Returns the access token of a customer who has just signed up."""
    token: str = (await register(api, venue, **changed)).payload["session"]["accessToken"]
    return token


async def code(runtime: Runtime, settings: Settings) -> str:
    """Returns the code in the latest mail."""
    return code_in((await mails(runtime, settings))[-1])


def slot(venue: Venue, hour: int = 15) -> dict[str, Any]:
    return {
        "roomId": api_id(venue.rooms[0]),
        "start": {"at": f"2027-03-01T{hour}:00:00Z"},
        "durationMinutes": 60,
    }


# ------------------------------------------------------------------------------ signing up


async def test_a_customer_signs_up_and_is_logged_in(api: Api, venue: Venue) -> None:
    answer = await register(api, venue, email=" Vera@Example.test ")

    assert answer.payload["session"]["user"] == {
        "name": "Vera",
        "email": "Vera@Example.test",
        "role": "CUSTOMER",
        "emailVerifiedAt": None,
        "customer": None,
        "tenant": {"name": venue.tenant.name},
    }


async def test_a_customer_logs_in_by_password_once_the_address_is_verified(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    token = await registered(api, venue)

    before = await login(api, venue, email="vera@example.test")
    await api(VERIFY, {"token": await code(runtime, settings)}, token=token)
    after = await login(api, venue, email="vera@example.test")

    assert (before.refusals, after.refusals) == (["INVALID_CREDENTIALS"], [])


async def test_all_that_is_wrong_with_a_signup_is_told_at_once(api: Api, venue: Venue) -> None:
    answer = await register(
        api,
        venue,
        subdomain="nowhere-at-all",
        name="",
        email="vera",
        phone="none",
        password="short",
    )

    assert answer.payload["userErrors"] == [
        {"code": "REQUIRED", "path": ["input", "name"]},
        {"code": "INVALID", "path": ["input", "email"]},
        {"code": "INVALID", "path": ["input", "phone"]},
        {"code": "INVALID", "path": ["input", "password"]},
        {"code": "NOT_FOUND", "path": ["input", "subdomain"]},
    ]


async def test_the_venues_name_is_no_password(api: Api, venue: Venue) -> None:
    answer = await register(api, venue, password=f"{venue.tenant.name}1")

    assert answer.refusals == ["INVALID"]


async def test_of_all_who_sign_up_with_an_address_the_first_to_prove_it_has_it(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    answers = await asyncio.gather(*(register(api, venue) for _ in range(3)))
    tokens = [answer.payload["session"]["accessToken"] for answer in answers]
    codes = [code_in(mail) for mail in await mails(runtime, settings)]

    # Whose code is whose isn't said, so each tries all of them, and all at once.
    proved = await asyncio.gather(
        *(api(VERIFY, {"token": each}, token=token) for each in codes for token in tokens)
    )

    refused = [["INVALID_CREDENTIALS"]] * 8
    assert sorted(answer.refusals for answer in proved) == [[], *refused]


async def test_a_known_address_signs_up_like_an_unknown_one(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    unknown = (await register(api, venue)).payload["session"]
    known = (await register(api, venue, email=venue.owner.user.email)).payload["session"]
    tokens = [unknown.pop("accessToken"), known.pop("accessToken")]
    del unknown["refreshToken"], known["refreshToken"]

    seen = [(await api(VIEWER, token=token)).payload for token in tokens]
    booked = [await api(BOOK, {"input": slot(venue)}, token=token) for token in tokens]
    logins = [
        await login(api, venue, email=email, password="the password that was chosen")
        for email in ("vera@example.test", venue.owner.user.email)
    ]
    clock.advance(minutes=1)
    again = [await api(AGAIN, token=token) for token in tokens]

    assert known == {"user": {**unknown["user"], "email": venue.owner.user.email}}
    assert seen == [{"emailVerifiedAt": None, "customer": None}] * 2
    assert [answer.refusals for answer in booked] == [["EMAIL_NOT_VERIFIED"]] * 2
    assert [answer.refusals for answer in logins] == [["INVALID_CREDENTIALS"]] * 2
    assert [answer.refusals for answer in again] == [[], []]


async def test_whoever_has_an_address_is_told_that_somebody_signs_up_with_it(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    owner = venue.owner.user
    token = await registered(api, venue, email=owner.email)

    (letter,) = await mails(runtime, settings)

    assert (letter["To"], letter["Subject"]) == (
        owner.email,
        f"You have an account at {venue.tenant.name}",
    )
    assert "Hello Owner," in letter.get_content()
    assert (await api("{ viewer { role } }", token=token)).payload == {"role": "CUSTOMER"}
    assert (await login(api, venue)).payload["session"]["user"]["role"] == "OWNER"


# ------------------------------------------------------------------------------ before and after


async def test_an_unverified_customer_looks_and_holds_but_does_not_book(
    api: Api, venue: Venue
) -> None:
    token = await registered(api, venue)

    rooms = await api("{ rooms { nodes { name } } }", token=token)
    held = (await api(HOLD, {"input": slot(venue)}, token=token)).payload["booking"]
    booked = await api(BOOK, {"input": slot(venue, hour=18)}, token=token)
    converted = await api(BOOK, {"input": {"holdId": held["id"]}}, token=token)

    assert rooms.codes == []
    assert held["status"] == "HELD"
    assert (booked.refusals, converted.refusals) == (["EMAIL_NOT_VERIFIED"],) * 2


async def test_an_unverified_customer_sees_only_what_they_hold(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    await make_booking(runtime, venue, clock.now.replace(hour=12))
    await api(HOLD, {"input": slot(venue, hour=20)}, token=venue.staff.token)
    token = await registered(api, venue)
    held = (await api(HOLD, {"input": slot(venue)}, token=token)).payload["booking"]

    bookings = await api(BOOKINGS, token=token)
    customers = await api("{ customers { nodes { name } } }", token=token)

    assert bookings.payload == {"nodes": [held]}
    assert customers.payload == {"nodes": []}


async def test_a_verified_customer_books_what_they_held(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    token = await registered(api, venue)
    held = (await api(HOLD, {"input": slot(venue)}, token=token)).payload["booking"]

    verified = await api(VERIFY, {"token": await code(runtime, settings)}, token=token)
    clock.advance(seconds=1)
    booked = await api(BOOK, {"input": {"holdId": held["id"]}}, token=token)

    assert verified.refusals == []
    viewer = (await api(VIEWER, token=token)).payload
    customer = viewer.pop("customer")
    assert viewer == {"emailVerifiedAt": "2027-03-01T09:00:00Z"}
    assert {**customer, "id": ...} == {
        "id": ...,
        "name": "Vera",
        "email": "vera@example.test",
        "phone": "+49 30 1234",
    }
    assert booked.payload["booking"] == {
        "status": "CONFIRMED",
        "customer": {"id": customer["id"]},
    }


async def test_a_known_customers_bookings_are_seen_once_the_address_is_proved(
    api: Api,
    runtime: Runtime,
    settings: Settings,
    clock: StoppedClock,
    venue: Venue,
) -> None:
    known = venue.other_customer
    booking = await make_booking(runtime, venue, clock.now.replace(hour=12), customer=known)
    token = await registered(api, venue, email=known.email)

    before = (await api(BOOKINGS, token=token)).payload["nodes"]
    await api(VERIFY, {"token": await code(runtime, settings)}, token=token)
    clock.advance(seconds=1)
    after = (await api(BOOKINGS, token=token)).payload["nodes"]

    assert before == []
    assert after == [{"id": api_id(booking), "status": "CONFIRMED"}]
    assert (await api(VIEWER, token=token)).payload["customer"]["name"] == "Other"


async def test_a_record_that_has_a_user_is_not_shared(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    rename = """mutation ($id: ID!) { updateCustomer(
        id: $id, version: 1, input: { email: "vera@example.test" }) { userErrors { code } } }"""
    await api(rename, {"id": api_id(venue.customer)}, token=venue.staff.token)
    token = await registered(api, venue)

    await api(VERIFY, {"token": await code(runtime, settings)}, token=token)
    clock.advance(seconds=1)

    customer = (await api(VIEWER, token=token)).payload["customer"]
    assert customer["id"] != api_id(venue.customer)
    assert (customer["name"], customer["email"]) == ("Vera", None)


async def test_a_password_reset_proves_the_address_too(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    await registered(api, venue)
    ask = """mutation ($input: RequestPasswordResetInput!) {
        requestPasswordReset(input: $input) { userErrors { code } } }"""
    reset = """mutation ($token: String!) {
        resetPassword(input: { token: $token, password: "another long password" }) {
          session { user { emailVerifiedAt customer { email } } } } }"""
    given = {"subdomain": venue.tenant.subdomain, "email": "vera@example.test"}
    await mails(runtime, settings)
    await api(ask, {"input": given})

    answer = await api(reset, {"token": await code(runtime, settings)})

    assert answer.payload["session"]["user"] == {
        "emailVerifiedAt": "2027-03-01T09:00:00Z",
        "customer": {"email": "vera@example.test"},
    }


async def test_an_owners_address_is_verified_as_well(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock
) -> None:
    answer = await api(REGISTER_TENANT, {"input": business(subdomain="verified-venue")})
    token = answer.payload["session"]["accessToken"]

    await api(VERIFY, {"token": await code(runtime, settings)}, token=token)

    viewer = await api("{ viewer { emailVerifiedAt customer { id } } }", token=token)
    assert viewer.payload == {"emailVerifiedAt": "2027-03-01T09:00:00Z", "customer": None}


async def test_verifying_stands_on_the_log(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    token = await registered(api, venue)
    await api(VERIFY, {"token": await code(runtime, settings)}, token=token)

    log = "{ auditLog(first: 3) { nodes { type actor { kind name } } } }"
    entries = (await api(log, token=venue.owner.token)).payload["nodes"]

    vera = {"kind": "CUSTOMER", "name": "Vera"}
    assert sorted(each["type"] for each in entries) == [
        "CUSTOMER_CREATED",
        "EMAIL_VERIFIED",
        "USER_JOINED",
    ]
    assert [each["actor"] for each in entries] == [vera, vera, vera]


# ------------------------------------------------------------------------------ the code


async def test_a_code_works_once(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    token = await registered(api, venue)
    mailed = {"token": await code(runtime, settings)}

    answers = await asyncio.gather(*(api(VERIFY, mailed, token=token) for _ in range(4)))

    assert sorted(answer.refusals for answer in answers) == [[], *[["INVALID_CREDENTIALS"]] * 3]


async def test_a_code_works_for_none_but_its_user(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    token = await registered(api, venue)
    mailed = {"token": await code(runtime, settings)}

    stranger = await api(VERIFY, mailed)
    other = await api(VERIFY, mailed, token=venue.guest.token)
    themselves = await api(VERIFY, mailed, token=token)

    assert [stranger.refusals, other.refusals] == [["INVALID_CREDENTIALS"]] * 2
    assert themselves.refusals == []


async def test_a_code_works_for_a_day(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    first = (await register(api, venue)).payload["session"]
    mailed = {"token": await code(runtime, settings)}

    clock.advance(days=1)
    session = (await refresh(api, first["refreshToken"])).payload["session"]
    answer = await api(VERIFY, mailed, token=session["accessToken"])

    assert answer.payload["userErrors"] == [
        {"code": "INVALID_CREDENTIALS", "path": ["input", "token"]}
    ]


async def test_the_code_is_mailed_again_once_a_minute(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    token = await registered(api, venue)

    async def mailed_after(seconds: float) -> int:
        clock.advance(seconds=seconds)
        await api(AGAIN, token=token)
        return len(await mails(runtime, settings))

    assert [await mailed_after(59), await mailed_after(1), await mailed_after(1)] == [1, 2, 2]


async def test_no_code_is_mailed_to_a_verified_address(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    await api(AGAIN, token=venue.guest.token)

    assert await mails(runtime, settings) == []


async def test_an_invitation_verifies_nothing_but_itself(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    invite = """mutation { inviteUser(input: {
        email: "new@example.test", name: "New", role: STAFF }) { user { id } } }"""
    await api(invite, token=venue.owner.token)
    token = await last_code(runtime, to="new@example.test")

    as_code = await api(VERIFY, {"token": token}, token=venue.owner.token)
    joined = await api(
        """mutation ($token: String!) {
             acceptInvitation(input: { token: $token, password: "a long enough password" }) {
               session { user { emailVerifiedAt } } } }""",
        {"token": token},
    )

    assert as_code.refusals == ["INVALID_CREDENTIALS"]
    assert joined.payload["session"]["user"] == {"emailVerifiedAt": "2027-03-01T09:00:00Z"}
