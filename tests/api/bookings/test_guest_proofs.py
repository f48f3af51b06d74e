"""Venues that turn guest booking off, or require guests to prove that they are human."""

from typing import Any

import orjson
import pytest
import pytest_asyncio
from altcha import Challenge, Payload, solve_challenge
from starlette.applications import Starlette

from app import build_app
from integrations.human_proof.proof_of_work import ProofOfWork
from integrations.human_proof.protocol import HumanProof
from kit.ids import new_id
from kit.runtime import Runtime
from kit.security.passwords import Passwords
from kit.settings import Settings
from tests.api.bookings.test_guests import GUEST, slot
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.database import SECRET
from tests.support.factories import Venue, make_venue
from tests.support.guests import confirm, mailed

CHALLENGE = """
    query ($subdomain: String!) { venue(subdomain: $subdomain) {
      allowsGuestBooking guestChallenge { kind challenge siteKey expiresAt }
    } }
"""
_REFUSED = """userErrors {
  __typename code path message ... on GuestProofError { challenge { kind challenge } }
}"""
HOLD = f"""
    mutation ($input: HoldAsGuestInput!) {{
      holdAsGuest(input: $input) {{ token {_REFUSED} }}
    }}
"""
BOOK = f"""
    mutation ($input: BookAsGuestInput!) {{
      bookAsGuest(input: $input) {{ token {_REFUSED} }}
    }}
"""
SETTINGS = """
    mutation ($version: Int!, $input: UpdateTenantSettingsInput!) {
      updateTenantSettings(version: $version, input: $input) {
        tenant { settings { allowsGuestBooking requiresGuestProof } } userErrors { code }
      }
    }
"""


@pytest_asyncio.fixture
async def app(settings: Settings, clock: StoppedClock) -> Any:
    """An app whose challenges take no time to solve."""
    parts: dict[type, object] = {
        Passwords: Passwords.cheap(),
        HumanProof: ProofOfWork(SECRET, clock=clock, cost=1),
    }
    built: Starlette = build_app(settings, clock=clock, services=parts, with_graphiql=False)
    async with built.router.lifespan_context(built):
        yield built


@pytest_asyncio.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0, requires_guest_proof=True)


async def challenge_of(api: Api, venue: Venue) -> Any:
    page = await api(CHALLENGE, {"subdomain": venue.tenant.subdomain})
    return page.payload["guestChallenge"]


def solved(challenge: str) -> str:
    """Returns the proof that a guest's browser computes."""
    given = Challenge.from_dict(orjson.loads(challenge))
    solution = solve_challenge(given)
    assert solution is not None
    return Payload(given, solution).to_base64()


async def hold(api: Api, venue: Venue, hour: int = 15, **given: Any) -> Answer:
    return await api(HOLD, {"input": {**slot(venue, hour), **given}})


# ------------------------------------------------------------------------------ closed


async def test_a_venue_closes_guest_booking(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0)
    held = await hold(api, venue)
    booked = await api(BOOK, {"input": {**slot(venue, 18), "customer": GUEST}})

    given = {"version": 1, "input": {"allowsGuestBooking": False}}
    closed = await api(SETTINGS, given, token=venue.owner.token)
    page = await api(CHALLENGE, {"subdomain": venue.tenant.subdomain})
    refused = await hold(api, venue, 20)
    arguments = {"subdomain": venue.tenant.subdomain, "customer": GUEST}
    converted = await api(BOOK, {"input": {**arguments, "holdToken": held.payload["token"]}})
    confirmed = await confirm(api, mailed(runtime, booked.payload["token"]))

    assert closed.payload["tenant"]["settings"]["allowsGuestBooking"] is False
    assert page.payload == {"allowsGuestBooking": False, "guestChallenge": None}
    (error,) = refused.payload["userErrors"]
    assert (error["code"], error["message"]) == (
        "GUEST_BOOKING_CLOSED",
        "This venue accepts no bookings without an account; sign up or log in.",
    )
    assert converted.refusals == ["GUEST_BOOKING_CLOSED"]
    assert confirmed.refusals == []


# ------------------------------------------------------------------------------ proofs


async def test_a_venue_asks_for_no_proof_unless_it_says_so(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0)

    assert await challenge_of(api, venue) is None
    assert (await hold(api, venue)).refusals == []


async def test_a_guest_with_a_proof_holds_a_time_and_books_it(api: Api, venue: Venue) -> None:
    challenge = await challenge_of(api, venue)

    held = await hold(api, venue, guestProof=solved(challenge["challenge"]))
    arguments = {"subdomain": venue.tenant.subdomain, "customer": GUEST}
    booked = await api(BOOK, {"input": {**arguments, "holdToken": held.payload["token"]}})

    assert (challenge["kind"], challenge["siteKey"]) == ("PROOF_OF_WORK", None)
    assert challenge["expiresAt"] == "2027-03-01T09:10:00Z"
    assert (held.refusals, booked.refusals) == ([], [])


async def test_whoever_brings_no_proof_is_given_a_challenge(api: Api, venue: Venue) -> None:
    refused = await hold(api, venue)

    (error,) = refused.payload["userErrors"]
    assert (error["__typename"], error["code"], error["path"]) == (
        "GuestProofError",
        "PROOF_REQUIRED",
        ["input", "guestProof"],
    )
    assert error["message"] == "Solve the challenge, and send the solution as `guestProof`."
    proof = solved(error["challenge"]["challenge"])
    assert (await hold(api, venue, guestProof=proof)).refusals == []


async def test_a_proof_is_good_for_one_request(api: Api, venue: Venue) -> None:
    proof = solved((await challenge_of(api, venue))["challenge"])
    await hold(api, venue, 15, guestProof=proof)

    again = await hold(api, venue, 17, guestProof=proof)
    payload = Payload.from_base64(proof)
    payload.solution.time = 12.5
    written_otherwise = await hold(api, venue, 19, guestProof=payload.to_base64())

    (error,) = again.payload["userErrors"]
    assert (error["code"], error["message"]) == (
        "PROOF_REQUIRED",
        "This solution is wrong, expired or already used; solve the new challenge.",
    )
    assert written_otherwise.refusals == ["PROOF_REQUIRED"]


async def test_a_proof_ends_after_ten_minutes(api: Api, venue: Venue, clock: StoppedClock) -> None:
    proof = solved((await challenge_of(api, venue))["challenge"])

    clock.advance(minutes=10)

    assert (await hold(api, venue, guestProof=proof)).refusals == ["PROOF_REQUIRED"]


async def test_a_proof_for_one_venue_is_none_for_another(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    other = await make_venue(runtime, min_notice_minutes=0, requires_guest_proof=True)
    proof = solved((await challenge_of(api, other))["challenge"])

    assert (await hold(api, venue, guestProof=proof)).refusals == ["PROOF_REQUIRED"]


@pytest.mark.parametrize(
    "proof",
    [
        "",
        "nonsense",
        "bnVsbA==",
        "e30=",
        "W10=",
        9_000 * "a",
        "eyJjaGFsbGVuZ2UiOjEsInNvbHV0aW9uIjoyfQ==",
    ],
    ids=["empty", "no base64", "null", "no object", "a list", "long", "numbers"],
)
async def test_what_is_no_proof_is_refused(api: Api, venue: Venue, proof: str) -> None:
    assert (await hold(api, venue, guestProof=proof)).refusals == ["PROOF_REQUIRED"]


async def test_a_guest_makes_no_challenge_easier(api: Api, venue: Venue) -> None:
    given = Challenge.from_dict(orjson.loads((await challenge_of(api, venue))["challenge"]))
    given.parameters.key_prefix = ""
    solution = solve_challenge(given)
    assert solution is not None

    answer = await hold(api, venue, guestProof=Payload(given, solution).to_base64())

    assert answer.refusals == ["PROOF_REQUIRED"]


async def test_a_challenge_of_a_former_secret_can_be_solved_where_that_is_named(
    clock: StoppedClock,
) -> None:
    former, new = b"the secret of before a rotation", b"the secret of after it"
    venue_id = new_id()
    challenge = ProofOfWork(former, clock=clock, cost=1).challenge(venue_id).challenge
    assert challenge is not None
    proof = solved(challenge)

    rotated = ProofOfWork(new, former, clock=clock)

    assert await rotated.check(venue_id, proof, ip_address=None) is not None
    assert await ProofOfWork(new, clock=clock).check(venue_id, proof, ip_address=None) is None


async def test_a_dry_run_asks_for_a_proof_and_does_not_use_it_up(api: Api, venue: Venue) -> None:
    proof = solved((await challenge_of(api, venue))["challenge"])

    without = await hold(api, venue, dryRun=True)
    tried = [await hold(api, venue, dryRun=True, guestProof=proof) for _ in range(2)]
    held = await hold(api, venue, guestProof=proof)

    assert without.refusals == ["PROOF_REQUIRED"]
    assert [each.refusals for each in (*tried, held)] == [[], [], []]
    assert (await hold(api, venue, 20, guestProof=proof)).refusals == ["PROOF_REQUIRED"]
