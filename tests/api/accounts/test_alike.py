"""Known and unknown addresses cost the same work, so timing doesn't reveal accounts."""

import pytest

from kit.runtime import Runtime
from kit.security.passwords import Passwords
from kit.settings import Settings
from tests.api.accounts.accounts import login
from tests.api.accounts.test_email_verification import register
from tests.api.accounts.test_passwords import request_reset
from tests.support.client import Api
from tests.support.factories import Venue, make_venue
from tests.support.statements import statements


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings without a worker, whose statements would be counted too."""
    return settings.model_copy(update={"works": False})


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


@pytest.fixture
def passwords(runtime: Runtime) -> Passwords:
    found = runtime.services[Passwords]
    assert isinstance(found, Passwords)
    return found


async def test_signing_up(api: Api, runtime: Runtime, venue: Venue, passwords: Passwords) -> None:
    await register(api, venue, email="first@example.test")

    with statements(runtime) as unknown:
        await register(api, venue, email="nobody@example.test")
    with statements(runtime) as known:
        await register(api, venue, email=venue.owner.user.email)

    assert known == unknown
    assert "INSERT INTO users" in "".join(known)
    assert passwords.hashes == 3


async def test_logging_in(api: Api, runtime: Runtime, venue: Venue, passwords: Passwords) -> None:
    with statements(runtime) as unknown:
        await login(api, venue, email="nobody@example.test", password="not the password")
    with statements(runtime) as known:
        await login(api, venue, password="not the password")

    assert known == unknown
    assert "FROM users" in "".join(known)
    assert passwords.checks == 2


async def test_asking_for_a_new_password(api: Api, runtime: Runtime, venue: Venue) -> None:
    with statements(runtime) as unknown:
        await request_reset(api, venue, email="nobody@example.test")
    with statements(runtime) as known:
        await request_reset(api, venue)

    assert known == unknown
    assert "FROM users" not in "".join(known)
