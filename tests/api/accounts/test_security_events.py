"""Security events of accounts: log entries, metrics, and mails to the user."""

from email.message import EmailMessage

import pytest
from sqlalchemy import update
from sqlmodel import col

from kit.actor import Request
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.event_counts import SecurityCounts
from kit.settings import Settings
from models.accounts.users import User
from resolvers.core.transactions import perform
from tests.api.accounts.accounts import (
    code_in,
    forget_what_was_spent,
    logged,
    logged_in,
    login,
    mails,
    refresh,
    runtime_errands,
)
from tests.api.accounts.test_passwords import change, request_reset, reset
from tests.api.accounts.test_users import change_role
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.factories import Person, Venue, api_id, make_venue

LOGOUT = "mutation { logout { userErrors { code } } }"
END_OTHERS = "mutation { endOtherSessions { userErrors { code } } }"
DEACTIVATE = "mutation ($id: ID!) { deactivateUser(id: $id) { userErrors { code } } }"
MAKE_KEY = """
    mutation {
      createApiKey(input: { name: "Door panel", permissions: ["rooms:read"] }) {
        userErrors { code }
      }
    }
"""
LOG = """
    { auditLog(first: 10, filter: { types: [LOGIN_FAILED] }) {
        nodes { type reason ipAddress userAgent actor { kind name } subjectId changes { field }
    } } }
"""


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def counts(runtime: Runtime) -> SecurityCounts:
    found = runtime.services[SecurityCounts]
    assert isinstance(found, SecurityCounts)
    return found


async def events(runtime: Runtime, venue: Venue) -> list[tuple[str, str | None]]:
    """Returns the types of log entries, with their reasons."""
    await runtime_errands(runtime).finish()
    return [(entry.type, entry.reason) for entry in await logged(runtime, venue)]


async def letters(runtime: Runtime, settings: Settings, person: Person) -> list[str]:
    """Returns the subjects of all mail to an address."""
    return [mail["Subject"] for mail in await _to(runtime, settings, person)]


async def _to(runtime: Runtime, settings: Settings, person: Person) -> list[EmailMessage]:
    return [m for m in await mails(runtime, settings) if m["To"] == person.user.email]


# ------------------------------------------------------------------------------ logins


async def test_logins_stand_on_the_log_with_the_reason_why_they_failed(
    api: Api, runtime: Runtime, venue: Venue, counts: SecurityCounts
) -> None:
    await api(DEACTIVATE, {"id": api_id(venue.staff.user)}, token=venue.owner.token)
    await login(api, venue)
    await login(api, venue, password="not the password")
    await login(api, venue, email=venue.staff.user.email)
    await login(api, venue, email="nobody@example.test")

    assert await events(runtime, venue) == [
        ("USER_DEACTIVATED", None),
        ("LOGIN_SUCCEEDED", None),
        ("LOGIN_FAILED", "wrong password"),
        ("LOGIN_FAILED", "account closed"),
    ]
    assert counts.by_event == {
        ("login_succeeded", ""): 1,
        ("login_failed", "wrong password"): 1,
        ("login_failed", "account closed"): 1,
        ("login_failed", "unknown account"): 1,
    }


async def test_a_failed_login_is_read_in_the_audit_log(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    await login(api, venue, password="not the password")
    await runtime_errands(runtime).finish()

    (entry,) = (await api(LOG, token=venue.manager.token)).payload["nodes"]

    assert entry.pop("userAgent").startswith("python-httpx2/")
    assert entry == {
        "type": "LOGIN_FAILED",
        "reason": "wrong password",
        "ipAddress": "127.0.0.1",
        "actor": {"kind": "SYSTEM", "name": "System"},
        "subjectId": api_id(venue.owner.user),
        "changes": [],
    }


async def test_the_metrics_have_what_happened(api: Api, venue: Venue) -> None:
    await login(api, venue, email="nobody@example.test", password="x")

    page = (await api.http.get("/metrics")).text

    line = 'boom_security_events_total{event="login_failed",outcome="unknown account"} 1.0'
    assert line in page.splitlines()


class TestGuessing:
    @pytest.fixture
    async def settings(self, settings: Settings, database: DatabaseUrls) -> Settings:
        """Settings with allowances in force, none of them used."""
        await forget_what_was_spent(database)
        return settings.model_copy(update={"rate_limit": True})

    async def test_whoever_guesses_fills_no_log(
        self,
        api: Api,
        runtime: Runtime,
        clock: StoppedClock,
        venue: Venue,
        counts: SecurityCounts,
    ) -> None:
        for _ in range(25):
            await login(api, venue, password="not the password")
            clock.advance(minutes=1)
        for _ in range(2):
            await login(api, venue, password="not the password")

        assert len(await events(runtime, venue)) == 20
        assert counts.by_event["login_failed", "wrong password"] == 26
        assert counts.by_event["login_failed", "too many tries"] == 1


async def test_a_login_from_elsewhere_is_told_to_the_person(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    await logged_in(api, venue)
    await logged_in(api, venue)
    usual = await letters(runtime, settings, venue.owner)

    api.http.headers["User-Agent"] = "curl/7.88.1 visit evil.test"
    await logged_in(api, venue)

    (letter,) = await _to(runtime, settings, venue.owner)
    assert usual == []
    assert letter["Subject"] == f"A new login to your account at {venue.tenant.name}"
    text = letter.get_content()
    assert "10:00 on Monday 1 March 2027, from 127.0.0.1 with curl.\n" in text


async def test_nobody_is_told_at_an_address_that_was_never_proved(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    await logged_in(api, venue)

    async def unverify(scope: Scope) -> None:
        await scope.lock()
        await scope.run(
            update(User)
            .where(col(User.id) == venue.owner.user.id)
            .values(email_verified_at=None)
            .execution_options(synchronize_session=False)
        )

    await perform(runtime, venue.owner.actor, Request(new_id()), unverify)
    api.http.headers["User-Agent"] = "another program"

    await logged_in(api, venue)

    assert await letters(runtime, settings, venue.owner) == []


# ------------------------------------------------------------------------------ passwords


async def test_a_changed_password_is_logged_and_told(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    await change(api, venue.owner.token)
    await mails(runtime, settings)
    await request_reset(api, venue)
    code = code_in((await mails(runtime, settings))[-1])
    await reset(api, code, password="a third long password")

    assert await events(runtime, venue) == [
        ("PASSWORD_CHANGED", None),
        ("SESSIONS_ENDED", "password reset"),
        ("PASSWORD_RESET", None),
    ]
    assert await letters(runtime, settings, venue.owner) == [
        f"Your password at {venue.tenant.name} was changed",
        f"Your new password for {venue.tenant.name}",
        f"Your password at {venue.tenant.name} was changed",
    ]


# ------------------------------------------------------------------------------ sessions


async def test_ended_sessions_are_logged_with_the_reason(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, venue: Venue
) -> None:
    first, second = await logged_in(api, venue), await logged_in(api, venue)
    await api(LOGOUT, token=first["accessToken"])
    await api(END_OTHERS, token=second["accessToken"])
    await refresh(api, second["refreshToken"])
    clock.advance(seconds=11)
    await refresh(api, second["refreshToken"])

    ended = [each for each in await events(runtime, venue) if each[0] == "SESSIONS_ENDED"]
    assert ended == [
        ("SESSIONS_ENDED", "logged out"),
        ("SESSIONS_ENDED", "ended from another session"),
        ("SESSIONS_ENDED", "refresh token used twice"),
    ]
    assert await letters(runtime, settings, venue.owner) == [
        f"A session of yours at {venue.tenant.name} was ended"
    ]


# ------------------------------------------------------------------------------ rights


async def test_a_new_key_is_told_to_whoever_it_was_made_as(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    await api(MAKE_KEY, token=venue.admin.token)

    assert await letters(runtime, settings, venue.admin) == [
        f"A new API key at {venue.tenant.name}"
    ]


async def test_a_changed_role_is_told_to_the_person_and_a_new_owner_to_the_owners(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    await change_role(api, venue.owner, api_id(venue.admin.user), "OWNER")
    await change_role(api, venue.owner, api_id(venue.manager.user), "OWNER")
    await change_role(api, venue.owner, api_id(venue.staff.user), "MANAGER")

    role = f"Your role at {venue.tenant.name} has changed"
    assert await letters(runtime, settings, venue.staff) == [role]
    assert await letters(runtime, settings, venue.manager) == [role]
    assert sorted(await letters(runtime, settings, venue.admin)) == [
        f"The owners of {venue.tenant.name} have changed",
        role,
    ]
    assert await letters(runtime, settings, venue.owner) == []


async def test_a_closed_account_is_told_to_the_person(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    await api(DEACTIVATE, {"id": api_id(venue.staff.user)}, token=venue.owner.token)

    assert await letters(runtime, settings, venue.staff) == [
        f"Your account at {venue.tenant.name} was closed"
    ]
