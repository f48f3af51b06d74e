"""Allowances of outgoing mail, by recipient and by sender."""

from collections import Counter

import pytest

from domain.accounts.users import Role
from integrations.mail.protocol import Message
from kit.actor import Actor, Request
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.allowances import Allowances
from kit.security.tokens import Tokens
from kit.settings import Settings
from models.accounts.api_keys import ApiKey
from models.accounts.users import User
from models.tenants import Tenant
from resolvers.accounts import mailed_tokens, security_emails
from resolvers.accounts.authentication import actor_finder
from resolvers.accounts.outgoing_mail import UNVERIFIED_TENANT, MailKind, send_later
from resolvers.core.transactions import perform
from tests.api.accounts.accounts import code_in, forget_what_was_spent, mails
from tests.api.accounts.test_email_verification import REGISTER_TENANT, VERIFY
from tests.api.accounts.test_email_verification import register as sign_up
from tests.api.accounts.test_passwords import request_reset, reset
from tests.api.bookings.test_strangers import book
from tests.api.tenants.test_registration import registration as business
from tests.support.client import Answer, Api, From
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.factories import Venue, make_venue
from tests.support.guests import confirm

INVITE = """
    mutation ($email: String!, $name: String!) {
      inviteUser(input: { email: $email, name: $name, role: STAFF }) { userErrors { code } }
    }
"""


@pytest.fixture
async def settings(settings: Settings, database: DatabaseUrls) -> Settings:
    """Settings with allowances in force, none of them used."""
    await forget_what_was_spent(database)
    return settings.model_copy(update={"rate_limit": True})


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def invite(api: Api, by: str, email: str, *, name: str = "New") -> Answer:
    return await api(INVITE, {"email": email, "name": name}, token=by)


async def registered(api: Api, subdomain: str, **changed: str) -> str:
    """Returns the access token of a new owner who has yet to verify."""
    answer = await api(REGISTER_TENANT, {"input": business(subdomain=subdomain, **changed)})
    api.http.cookies.clear()
    token: str = answer.payload["session"]["accessToken"]
    return token


async def owner_of(runtime: Runtime, token: str) -> Actor:
    """Returns the user of an access token."""
    tokens = runtime.services[Tokens]
    assert isinstance(tokens, Tokens)
    actor = await actor_finder(runtime)(tokens.read(token, now=runtime.clock()))
    assert actor is not None
    return actor


async def write(
    runtime: Runtime,
    by: Actor,
    *to: str,
    kind: MailKind = MailKind.ORDINARY,
    address: str | None = None,
) -> None:
    """Sends mails of a venue, requested from a network address."""

    async def change(scope: Scope) -> None:
        for each in to:
            send_later(scope, Message(to=each, subject="A booking", text="Hello"), kind)

    await perform(runtime, by, Request(new_id(), address), change)


async def recipients(runtime: Runtime, settings: Settings) -> Counter[str]:
    """Counts mails by recipient."""
    return Counter(mail["To"].lower() for mail in await mails(runtime, settings))


# ------------------------------------------------------------------------------ a recipient


async def test_three_mails_an_hour_reach_somebody_from_all_venues_together(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    other, victim = await make_venue(runtime), "victim@example.test"
    invited = [await invite(api, venue.owner.token, victim) for _ in range(2)]
    await write(runtime, other.owner.actor, "Victim@Example.test", victim)

    in_an_hour = await recipients(runtime, settings)
    refused = await invite(api, other.owner.token, victim)
    clock.advance(hours=1)
    await write(runtime, other.owner.actor, victim)

    assert [answer.refusals for answer in invited] == [[], []]
    assert refused.codes == ["THROTTLED"]
    assert in_an_hour == {victim: 3}
    assert len(await mails(runtime, settings)) == 4


async def test_whoever_has_had_enough_mail_still_resets_their_password(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    other, me = await make_venue(runtime), venue.owner.user.email
    await write(runtime, other.owner.actor, me, me, me, me)
    await mails(runtime, settings)

    await request_reset(api, venue)

    letters = await mails(runtime, settings)
    assert [letter["Subject"] for letter in letters].count("A booking") == 3
    assert (await reset(api, code_in(letters[-1]))).refusals == []


async def test_reset_mails_are_bounded_and_leave_a_code_that_works(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    for _ in range(10):
        await request_reset(api, venue)
        await mails(runtime, settings)
        clock.advance(minutes=1)

    letters = await mails(runtime, settings)

    assert len(letters) == 3
    assert (await reset(api, code_in(letters[-1]))).refusals == []


# ------------------------------------------------------------------------------ strangers


async def test_strangers_who_type_an_address_keep_nobody_from_a_code_of_their_own(
    at: From, runtime: Runtime, settings: Settings
) -> None:
    first, second = [await make_venue(runtime, min_notice_minutes=0) for _ in range(2)]
    stranger, victim = at("192.0.2.1"), at("192.0.2.2")
    for venue in (first, first, first, second):
        await sign_up(stranger, venue, email="victim@example.test")
    by_stranger = await recipients(runtime, settings)

    await book(stranger, second, 10, email="victim@example.test")
    await sign_up(victim, first, email="victim@example.test")
    await book(victim, second, 12, email="victim@example.test")

    letters = [str(letter["Subject"]) for letter in await mails(runtime, settings)]
    assert by_stranger == {"victim@example.test": 3}
    assert [letter.startswith("Your e-mail address") for letter in letters].count(True) == 4
    assert [letter.startswith("Your booking") for letter in letters].count(True) == 2


@pytest.mark.parametrize("kind", [MailKind.VERIFICATION, MailKind.CONFIRMATION])
async def test_many_networks_cause_twelve_codes_an_hour_to_somebody_from_all_venues_together(
    runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue, kind: MailKind
) -> None:
    other, victim = await make_venue(runtime), "victim@example.test"
    for number in range(5):
        by = (venue, other)[number % 2].owner.actor
        await write(runtime, by, *[victim] * 4, kind=kind, address=f"2001:db8:0:{number}::1")

    in_an_hour = await recipients(runtime, settings)
    clock.advance(hours=1)
    await write(runtime, venue.owner.actor, victim, kind=kind, address="2001:db8:0:1::2")

    assert in_an_hour == {victim: 12}
    assert await recipients(runtime, settings) == {victim: 13}


async def test_a_guest_who_confirms_each_booking_is_mailed_the_code_of_the_next(
    api: Api, runtime: Runtime, settings: Settings
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0)

    for hour in (10, 11, 12, 13, 14):
        await book(api, venue, hour)
        letter = (await mails(runtime, settings))[-1]
        assert (await confirm(api, code_in(letter))).refusals == []

    assert len(await mails(runtime, settings)) == 5


async def test_a_network_asks_three_times_for_the_password_of_an_address_not_proved(
    at: From, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    asking = [at("192.0.2.1")] * 4 + [at("192.0.2.2")]
    await sign_up(at("192.0.2.3"), venue, email="vera@example.test")

    for each in asking:
        await request_reset(each, venue, email="vera@example.test")
        await mails(runtime, settings)
        clock.advance(minutes=1)

    assert await recipients(runtime, settings) == {"vera@example.test": 1 + 3 + 1}


# ------------------------------------------------------------------------------ a venue


async def test_an_unverified_business_writes_fifty_mails_a_day_and_its_owner_gets_theirs(
    api: Api, runtime: Runtime, settings: Settings
) -> None:
    token = await registered(api, "eager", ownerEmail="eager@example.test")
    owner = await owner_of(runtime, token)
    allowances = runtime.services[Allowances]
    assert isinstance(allowances, Allowances)
    for _ in range(49):
        await allowances.spend(UNVERIFIED_TENANT, str(owner.tenant_id))

    await write(runtime, owner, "first@example.test", "second@example.test")
    before = await recipients(runtime, settings)
    letter = (await mails(runtime, settings))[0]
    verified = await api(VERIFY, {"token": code_in(letter)}, token=token)
    await write(runtime, owner, "third@example.test")

    assert before["eager@example.test"] == 1
    assert before["first@example.test"] + before["second@example.test"] == 1
    assert verified.refusals == []
    assert (await recipients(runtime, settings))["third@example.test"] == 1


async def test_an_owner_verifies_before_inviting(
    api: Api, runtime: Runtime, settings: Settings
) -> None:
    token = await registered(api, "hasty", ownerEmail="hasty@example.test")

    early = await invite(api, token, "new@example.test")
    (letter,) = await mails(runtime, settings)
    await api(VERIFY, {"token": code_in(letter)}, token=token)
    later = await invite(api, token, "new@example.test")

    assert early.refusals == ["EMAIL_NOT_VERIFIED"]
    assert later.refusals == []


def test_no_letter_about_an_account_makes_a_link_of_a_name() -> None:
    at = MONDAY_MORNING
    tenant = Tenant(
        name="at prize.test", subdomain="v", time_zone="UTC", currency_code="EUR", created_at=at
    )
    user = User(
        tenant_id=tenant.id, email="a@b.test", email_key="a@b.test", name="www.prize.test",
        role="OWNER", created_at=at,
    )  # fmt: skip
    key = ApiKey(
        tenant_id=tenant.id, name="https://prize.test", prefix="boom_1", token_hash=b"",
        permissions=[], created_by_id=user.id, created_at=at,
    )  # fmt: skip
    letters: list[Message | security_emails.Letter] = [
        mailed_tokens.reset_letter(tenant, user, "code"),
        mailed_tokens.invitation_letter(tenant, user, "code"),
        mailed_tokens.verification_letter(tenant, user, "code"),
        mailed_tokens.known_letter(tenant, user),
        security_emails.new_login(tenant, at=at, program="prize.test/1", network="192.0.2.1"),
        security_emails.password_changed(tenant, at=at),
        security_emails.session_stolen(tenant),
        security_emails.key_made(tenant, key),
        security_emails.role_changed(tenant, Role.ADMIN),
        security_emails.account_closed(tenant),
        security_emails.owners_changed(tenant, user, is_owner=True),
    ]

    texts = [f"{letter.subject} {letter.text}" for letter in letters]

    assert [text for text in texts if "prize.test" in text] == []
    assert [text for text in texts if "prize. test" not in text] == []


async def test_a_name_makes_no_link_in_a_letter(
    api: Api, runtime: Runtime, settings: Settings
) -> None:
    await registered(
        api, "baited", name="Win at prize.test", ownerName="www.prize.test", ownerEmail="a@b.test"
    )

    (letter,) = await mails(runtime, settings)

    text = f"{letter['Subject']} {letter.get_content()}"
    assert "Win at prize. test" in text
    assert "prize.test" not in text
