"""The browsers that get a user's pushes."""

from typing import Any, Final

import pytest

from integrations.push.protocol import Push
from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from resolvers.notifications.push_subscriptions import push_subscriptions_of
from tests.support.client import Answer, Api
from tests.support.factories import Person, Venue, make_venue
from tests.support.inboxes import browser_keys

REGISTER: Final = """
    mutation ($input: RegisterPushSubscriptionInput!) {
      registerPushSubscription(input: $input) {
        pushSubscription { id createdAt }
        userErrors { code path message }
      }
    }
"""
REMOVE: Final = """
    mutation ($id: ID!) {
      removePushSubscription(id: $id) { deletedId userErrors { code path } }
    }
"""
ENDPOINT: Final = "https://fcm.googleapis.com/fcm/send/abc:def"


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def register(api: Api, person: Person, endpoint: str = ENDPOINT, **keys: str) -> Answer:
    given = {"endpoint": endpoint, **browser_keys()[2], **keys}
    return await api(REGISTER, {"input": given}, token=person.token)


async def endpoints(runtime: Runtime, person: Person) -> list[str]:
    scope = Scope(runtime, person.actor, Request(new_id()))
    found = [each.endpoint for each in await push_subscriptions_of(scope, person.user.id)]
    await scope.close()
    return found


async def test_a_browser_is_registered_again_and_removed(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    first = await register(api, venue.staff)
    again = await register(api, venue.staff)
    registered = await endpoints(runtime, venue.staff)
    id = first.payload["pushSubscription"]["id"]
    removed = await api(REMOVE, {"id": id}, token=venue.staff.token)

    assert first.payload["pushSubscription"]["createdAt"] == "2027-03-01T09:00:00Z"
    assert again.payload["pushSubscription"]["id"] == id
    assert registered == [ENDPOINT]
    assert removed.payload == {"deletedId": id, "userErrors": []}
    assert await endpoints(runtime, venue.staff) == []


async def test_a_browser_gets_the_pushes_of_who_uses_it_last(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    await register(api, venue.staff)

    assert (await register(api, venue.guest)).refusals == []

    assert await endpoints(runtime, venue.staff) == []
    assert await endpoints(runtime, venue.guest) == [ENDPOINT]


async def test_another_users_browser_is_unknown(api: Api, venue: Venue) -> None:
    id = (await register(api, venue.staff)).payload["pushSubscription"]["id"]

    answer = await api(REMOVE, {"id": id}, token=venue.owner.token)

    assert answer.payload["userErrors"] == [{"code": "NOT_FOUND", "path": ["id"]}]


async def test_one_more_browser_takes_the_place_of_the_oldest(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    for number in range(21):
        assert (await register(api, venue.staff, f"{ENDPOINT}{number}")).refusals == []

    left = await endpoints(runtime, venue.staff)

    assert len(left) == 20
    assert f"{ENDPOINT}0" not in left and f"{ENDPOINT}20" in left


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"endpoint": "http://push.example.com/a"}, "endpoint"),
        ({"endpoint": "https://10.0.0.1/a"}, "endpoint"),
        ({"endpoint": "https://localhost/a"}, "endpoint"),
        ({"endpoint": "https://user@push.example.com/a"}, "endpoint"),
        ({"endpoint": "push.example.com"}, "endpoint"),
        ({"p256dh": "BNotAPoint"}, "p256dh"),
        ({"p256dh": "B" + "A" * 86}, "p256dh"),
        ({"auth": "c2hvcnQ"}, "auth"),
        ({"auth": "Grüße"}, "auth"),
    ],
    ids=[
        "not https", "private address", "this machine", "credentials", "no URL", "no key",
        "no point", "short secret", "no base64",
    ],
)  # fmt: skip
async def test_what_is_no_subscription_is_refused(
    api: Api, runtime: Runtime, venue: Venue, given: dict[str, str], path: str
) -> None:
    answer = await register(api, venue.staff, **given)

    (error,) = answer.payload["userErrors"]
    assert (error["code"], error["path"]) == ("INVALID", ["input", path])
    assert await endpoints(runtime, venue.staff) == []


async def test_browsers_subscribe_with_the_public_key(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    push: Any = runtime.services[Push]

    answer = await api("{ pushPublicKey }", token=venue.guest.token)

    assert answer.payload == push.public_key
    assert len(answer.payload) == 87
