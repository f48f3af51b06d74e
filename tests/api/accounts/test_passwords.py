"""Changing a password, and resetting it by mail."""

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import col, select
from starlette.applications import Starlette

from integrations.mail.protocol import Mail
from integrations.mail.smtp import SmtpMail
from kit.actor import ANONYMOUS, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.passwords import Passwords
from kit.settings import Settings
from models.accounts.users import User
from tests.api.accounts.accounts import (
    code_in,
    is_logged_in,
    last_code,
    logged_in,
    login,
    mails,
    refresh,
)
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.factories import PASSWORD, Venue, make_venue
from tests.support.work import run_due_jobs

NEW = "another password, long enough"

CHANGE = """
    mutation ($input: ChangePasswordInput!) {
      changePassword(input: $input) {
        session { accessToken refreshToken user { email } } userErrors { code path }
      }
    }
"""
REQUEST = """
    mutation ($input: RequestPasswordResetInput!) {
      requestPasswordReset(input: $input) { userErrors { code path } }
    }
"""
RESET = """
    mutation ($input: ResetPasswordInput!) {
      resetPassword(input: $input) {
        session { accessToken user { email } } userErrors { code path }
      }
    }
"""


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def change(api: Api, token: str | None, *, current: str = PASSWORD, new: str = NEW) -> Answer:
    return await api(
        CHANGE, {"input": {"currentPassword": current, "newPassword": new}}, token=token
    )


async def request_reset(api: Api, venue: Venue, *, email: str | None = None) -> Answer:
    given = {"subdomain": venue.tenant.subdomain, "email": email or venue.owner.user.email}
    return await api(REQUEST, {"input": given})


async def reset(api: Api, code: str, *, password: str = NEW) -> Answer:
    return await api(RESET, {"input": {"token": code, "password": password}})


# ------------------------------------------------------------------------------ changed


async def test_a_changed_password_replaces_the_old_one(api: Api, venue: Venue) -> None:
    session = await logged_in(api, venue)

    answer = await change(api, session["accessToken"])

    assert answer.payload["session"]["user"] == {"email": venue.owner.user.email}
    assert (await login(api, venue)).refusals == ["INVALID_CREDENTIALS"]
    assert (await login(api, venue, password=NEW)).refusals == []


async def test_a_changed_password_ends_every_other_session(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    session, other = await logged_in(api, venue), await logged_in(api, venue)

    new = (await change(api, session["accessToken"])).payload["session"]
    clock.advance(seconds=1)

    assert not await is_logged_in(api, other["accessToken"])
    assert (await refresh(api, other["refreshToken"])).refusals == ["INVALID_CREDENTIALS"]
    assert await is_logged_in(api, new["accessToken"])
    assert (await refresh(api, new["refreshToken"])).refusals == []


async def test_the_refresh_token_of_before_is_spent_by_a_changed_password(
    api: Api, venue: Venue
) -> None:
    session = await logged_in(api, venue)

    await change(api, session["accessToken"])

    assert (await refresh(api, session["refreshToken"])).refusals == ["INVALID_CREDENTIALS"]


async def test_a_password_is_changed_only_by_who_knows_it(api: Api, venue: Venue) -> None:
    answer = await change(api, venue.owner.token, current="not the password", new="short")

    assert answer.payload == {
        "session": None,
        "userErrors": [
            {"code": "INVALID", "path": ["input", "newPassword"]},
            {"code": "INVALID_CREDENTIALS", "path": ["input", "currentPassword"]},
        ],
    }


async def test_a_password_is_not_the_address(api: Api, venue: Venue) -> None:
    answer = await change(api, venue.owner.token, new=venue.owner.user.email.upper())

    assert answer.refusals == ["INVALID"]


@pytest.mark.parametrize(
    "easy", ["password12", "iloveyou2026", "Summer2026!", "qwertyuiop1", "$venue2026", "$name$name"]
)
async def test_a_password_that_many_would_try_first_is_refused(
    api: Api, venue: Venue, easy: str
) -> None:
    new = easy.replace("$venue", venue.tenant.subdomain).replace("$name", venue.owner.user.name)

    answer = await change(api, venue.owner.token, new=new)

    assert answer.payload["userErrors"] == [{"code": "INVALID", "path": ["input", "newPassword"]}]


async def test_a_stranger_changes_no_password(api: Api) -> None:
    answer = await change(api, None)

    assert answer.codes == ["UNAUTHENTICATED"]


async def test_guessing_the_current_password_has_to_wait(api: Api, venue: Venue) -> None:
    for _ in range(5):
        await change(api, venue.owner.token, current="not the password")

    answer = await change(api, venue.owner.token)

    assert answer.codes == ["THROTTLED"]


async def test_a_login_makes_a_weak_hash_strong(
    app: Starlette, api: Api, runtime: Runtime, venue: Venue
) -> None:
    stronger = Passwords(Argon2Hasher(time_cost=2, memory_cost=16, parallelism=1))
    assert isinstance(runtime.services, dict)
    runtime.services[Passwords] = stronger

    await login(api, venue)

    scope = Scope(runtime, ANONYMOUS, Request(new_id()))
    await scope.enter(venue.tenant.id)
    user = await scope.read_outside(select(User).where(col(User.id) == venue.owner.user.id))
    assert user is not None and user.password_hash is not None
    assert "m=16,t=2" in user.password_hash
    assert (await login(api, venue)).refusals == []


# ------------------------------------------------------------------------------ set anew


async def test_a_mailed_code_sets_a_new_password(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    asked = await request_reset(api, venue)
    (mail,) = await mails(runtime, settings)

    answer = await reset(api, code_in(mail))

    assert asked.refusals == []
    assert mail["To"] == venue.owner.user.email
    assert mail["Subject"] == f"Your new password for {venue.tenant.name}"
    assert answer.payload["session"]["user"] == {"email": venue.owner.user.email}
    assert (await login(api, venue, password=NEW)).refusals == []


async def test_a_new_password_ends_all_sessions(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    before = await logged_in(api, venue)
    await request_reset(api, venue)
    (mail,) = await mails(runtime, settings)

    new = (await reset(api, code_in(mail))).payload["session"]
    clock.advance(seconds=1)

    assert not await is_logged_in(api, before["accessToken"])
    assert (await refresh(api, before["refreshToken"])).refusals == ["INVALID_CREDENTIALS"]
    assert await is_logged_in(api, new["accessToken"])


async def test_a_mailed_code_works_once(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    await request_reset(api, venue)
    (mail,) = await mails(runtime, settings)
    await reset(api, code_in(mail))

    again = await reset(api, code_in(mail))

    assert again.payload == {
        "session": None,
        "userErrors": [{"code": "INVALID_CREDENTIALS", "path": ["input", "token"]}],
    }


async def test_a_changed_password_ends_the_codes_that_were_mailed(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    await request_reset(api, venue)
    code = await last_code(runtime, to=venue.owner.user.email)

    changed = await change(api, venue.owner.token)
    answer = await reset(api, code, password="yet another, long enough")

    assert changed.refusals == []
    assert answer.refusals == ["INVALID_CREDENTIALS"]
    assert (await login(api, venue, password=NEW)).refusals == []


async def test_a_mailed_code_works_for_an_hour(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    await request_reset(api, venue)
    (mail,) = await mails(runtime, settings)

    clock.advance(hours=1)

    assert (await reset(api, code_in(mail))).refusals == ["INVALID_CREDENTIALS"]


async def test_a_refused_password_leaves_the_code_good(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    await request_reset(api, venue)
    (mail,) = await mails(runtime, settings)

    short = await reset(api, code_in(mail), password="short")

    assert short.payload["userErrors"] == [{"code": "INVALID", "path": ["input", "password"]}]
    assert (await reset(api, code_in(mail))).refusals == []


async def test_an_unknown_address_is_answered_like_a_known_one_and_gets_no_mail(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    unknown = await request_reset(api, venue, email="nobody@example.test")
    unreadable = await request_reset(api, venue, email="no address")
    none = await mails(runtime, settings)
    known = await request_reset(api, venue)

    assert unknown.payload == unreadable.payload == known.payload == {"userErrors": []}
    assert none == []


async def test_one_mail_a_minute_goes_to_a_user(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    await request_reset(api, venue)
    await mails(runtime, settings)
    await request_reset(api, venue)
    first_minute = await mails(runtime, settings)

    clock.advance(minutes=1)
    await request_reset(api, venue)

    assert len(first_minute) == 1
    assert len(await mails(runtime, settings)) == 2


async def test_an_invitation_is_no_password_reset(api: Api, runtime: Runtime, venue: Venue) -> None:
    invite = """
        mutation ($input: InviteUserInput!) { inviteUser(input: $input) { user { id } } }
    """
    given = {"email": "ann@example.test", "name": "Ann", "role": "STAFF"}
    await api(invite, {"input": given}, token=venue.owner.token)

    answer = await reset(api, await last_code(runtime, to="ann@example.test"))

    assert answer.refusals == ["INVALID_CREDENTIALS"]


async def test_mail_that_fails_breaks_no_answer(
    settings: Settings, clock: StoppedClock, api: Api, app: Starlette, venue: Venue
) -> None:
    runtime = app.state.runtime
    runtime.services[Mail] = SmtpMail.at("smtp://127.0.0.1:1")

    answer = await request_reset(api, venue)
    await run_due_jobs(runtime)

    assert answer.refusals == []
