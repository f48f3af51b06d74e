"""Webhooks over HTTP: what is sent when, to whom, and again."""

import asyncio
from dataclasses import replace
from typing import Final, cast

from domain.webhooks.signatures import signed_headers
from jobs.webhook_secrets import renew_webhook_secrets
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.security.encryption import Cipher
from kit.settings import Settings
from tests.api.accounts.accounts import mails
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.database import SECRET
from tests.support.factories import Venue, api_id, make_venue
from tests.support.receiver import Received, Receiver
from tests.support.webhooks import (
    REPLAY,
    REPLAY_ALL,
    TEST,
    UPDATE,
    book,
    cancel,
    create,
    listed,
    made,
    received,
    until,
    until_attempted,
    until_disabled,
)

ROTATE: Final = """
    mutation ($id: ID!) {
      rotateWebhookSecret(id: $id) { endpoint { oldSecretUntil } secret userErrors { code } }
    }
"""
HOURS: Final = (0.002, 0.1, 0.6, 2, 5, 10, 14, 20, 24, 0)
"""The longest pauses after each of ten attempts, without their jitter."""
DELETE: Final = "mutation ($id: ID!) { deleteWebhookEndpoint(id: $id) { deletedId } }"


async def test_an_event_is_sent_with_its_object(
    api: Api, venue: Venue, receiving: Receiver, token: str
) -> None:
    await made(api, token, url=f"{receiving.url}/hooks")

    booking = await book(api, venue, hour=10)

    (request,) = await received(receiving, 1)
    assert (request.path, request.headers["content-type"]) == ("/hooks", "application/json")
    assert request.payload == {
        "type": "booking.created",
        "timestamp": "2027-03-01T09:00:00.000Z",
        "data": {
            "apiVersion": 1,
            "eventType": "BOOKING_CREATED",
            "subjectType": "Booking",
            "subjectId": booking["id"],
            "object": {
                "__typename": "Booking",
                "id": booking["id"],
                "reference": booking["reference"],
                "status": "CONFIRMED",
                "startsAt": "2027-03-02T10:00:00Z",
                "endsAt": "2027-03-02T11:00:00Z",
                "partySize": 1,
                "room": {"id": api_id(venue.rooms[0]), "name": "Room 1"},
                "customer": {"id": api_id(venue.customer)},
                "price": {"total": {"amount": "40.00", "currencyCode": "EUR"}},
                "version": 1,
                "updatedAt": "2027-03-01T09:00:00Z",
            },
        },
    }
    endpoint = await until_attempted(api, token, [1])
    (delivery,) = endpoint["deliveries"]["nodes"]
    assert delivery == {
        "id": request.id,
        "type": "booking.created",
        "status": "DELIVERED",
        "attemptCount": 1,
        "nextAttemptAt": None,
        "deliveredAt": "2027-03-01T09:00:00Z",
        "attempts": [{"statusCode": 204, "error": None}],
    }


async def test_only_chosen_events_are_sent(
    api: Api, venue: Venue, receiving: Receiver, token: str
) -> None:
    cancelled = ["BOOKING_CANCELLED"]
    await made(api, token, url=receiving.url, eventTypes=cancelled)

    await cancel(api, venue, await book(api, venue, hour=10))

    (request,) = await received(receiving, 1)
    assert request.payload["type"] == "booking.cancelled"


async def test_a_query_selects_what_is_sent(
    api: Api, venue: Venue, receiving: Receiver, token: str
) -> None:
    query = """
        query ($id: ID!) {
          node(id: $id) { ... on Booking { local { start } customer { name email } } }
        }
    """
    await made(api, token, url=receiving.url, query=query)

    await book(api, venue, hour=10)

    (request,) = await received(receiving, 1)
    assert request.payload["data"]["object"] == {
        "local": {"start": "2027-03-02T11:00"},
        "customer": {"name": venue.customer.name, "email": venue.customer.email},
    }


async def test_the_events_of_an_object_come_in_order_through_failures(
    api: Api, venue: Venue, receiving: Receiver, clock: StoppedClock, token: str
) -> None:
    await made(api, token, url=receiving.url)
    receiving.fails(503, "later\n")
    booking = await book(api, venue, hour=10)
    (first,) = await received(receiving, 1)

    await cancel(api, venue, booking)
    other = await book(api, venue, hour=12)
    await received(receiving, 2)
    endpoint = await until_attempted(api, token, [0, 1, 1])
    statuses = [(each["type"], each["attempts"]) for each in endpoint["deliveries"]["nodes"]]
    of_type = (
        "deliveries(filter: { eventTypes: [BOOKING_CANCELLED, ROOM_UPDATED] }) { nodes { id } }"
    )
    delivered = "delivered: deliveries(filter: { statuses: [DELIVERED] }) { nodes { id } }"
    listed = f"{{ webhookEndpoints {{ nodes {{ {of_type} {delivered} }} }} }}"
    (found,) = (await api(listed, token=token)).payload["nodes"]
    assert (len(found["deliveries"]["nodes"]), found["delivered"]["nodes"]) == (1, [])
    failed = [{"statusCode": 503, "error": "later"}]
    assert sorted(statuses, key=str) == [
        ("booking.cancelled", []),
        ("booking.created", failed),
        ("booking.created", failed),
    ]
    assert endpoint["failingSince"] == "2027-03-01T09:00:00Z"

    receiving.works()
    receiving.requests.clear()
    clock.advance(seconds=6)
    requests = await received(receiving, 3)
    of_booking = [each for each in requests if each.payload["data"]["subjectId"] == booking["id"]]
    assert [each.payload["type"] for each in of_booking] == ["booking.created", "booking.cancelled"]
    assert of_booking[0].id == first.id
    assert other["id"] in {each.payload["data"]["subjectId"] for each in requests}
    assert (await until_attempted(api, token, [1, 2, 2]))["failingSince"] is None


async def test_a_slow_endpoint_delays_no_other(
    api: Api, venue: Venue, receiving: Receiver, token: str
) -> None:
    hangs, goes_on = asyncio.Event(), asyncio.Event()

    async def answer(request: Received) -> tuple[int, str]:
        if request.path == "/slow":
            hangs.set()
            await goes_on.wait()
        return 200, ""

    receiving.answers = answer
    await made(api, token, url=f"{receiving.url}/slow")
    await made(api, token, url=f"{receiving.url}/quick")
    await book(api, venue, hour=10)
    await hangs.wait()

    for hour in range(11, 16):
        await book(api, venue, hour=hour)

    await until(lambda: sum(each.path == "/quick" for each in receiving.requests) == 6)
    goes_on.set()


async def test_after_ten_attempts_over_75_hours_it_has_failed_and_can_be_replayed(
    api: Api, venue: Venue, receiving: Receiver, clock: StoppedClock, token: str
) -> None:
    endpoint = (await made(api, token, url=receiving.url))["endpoint"]
    receiving.fails(500, "x" * 300)
    await book(api, venue, hour=10)
    for number, hours in enumerate(HOURS, start=1):
        await received(receiving, number)
        found = await until_attempted(api, token, [number])
        clock.advance(hours=hours * 1.11)

    assert found["enabled"]
    (delivery,) = found["deliveries"]["nodes"]
    assert (delivery["status"], delivery["attemptCount"]) == ("FAILED", 10)
    assert delivery["attempts"][0] == {"statusCode": 500, "error": "x" * 200}

    receiving.works()
    since = {"endpointId": endpoint["id"], "since": MONDAY_MORNING.isoformat()}
    replay = await api(REPLAY_ALL, {"input": since}, token=token)
    assert replay.payload == {"replayedCount": 1, "userErrors": []}
    again = (await received(receiving, 11))[-1]
    assert again.id == delivery["id"]

    await until_attempted(api, token, [1])
    none = await api(REPLAY_ALL, {"input": since}, token=token)
    assert none.payload["replayedCount"] == 0
    one = await api(REPLAY, {"id": delivery["id"]}, token=token)
    assert one.payload["delivery"] == {"status": "WAITING", "attemptCount": 0}
    assert (await received(receiving, 12))[-1].id == delivery["id"]


async def test_an_endpoint_that_is_gone_is_disabled_and_goes_on_once_enabled(
    api: Api, venue: Venue, receiving: Receiver, token: str, runtime: Runtime, settings: Settings
) -> None:
    endpoint = (await made(api, token, url=receiving.url))["endpoint"]
    receiving.fails(410)
    await book(api, venue, hour=10)
    await until_disabled(api, token, "GONE")
    (mail,) = [m for m in await mails(runtime, settings) if "webhook" in m["Subject"]]
    assert mail["To"] == venue.owner.user.email
    assert "to 127. 0. 0. 1, because it answered that it is gone (410)." in mail.get_content()
    test = await api(TEST, {"id": endpoint["id"]}, token=token)
    assert test.refusals == ["INVALID"]

    receiving.works()
    (found,) = await listed(api, token)
    given = {"id": endpoint["id"], "version": found["version"], "input": {"enabled": True}}
    assert (await api(UPDATE, given, token=token)).payload["endpoint"]["enabled"]
    test = await api(TEST, {"id": endpoint["id"]}, token=token)
    assert test.payload["delivery"]["type"] == "webhook.test"
    await received(receiving, 2)
    assert receiving.requests[1].payload["type"] == "webhook.test"
    assert len(receiving.requests) == 2


async def test_an_endpoint_that_fails_for_five_days_is_disabled(
    api: Api, venue: Venue, receiving: Receiver, clock: StoppedClock, token: str
) -> None:
    await made(api, token, url=receiving.url)
    receiving.fails(500)
    await book(api, venue, hour=10)
    await received(receiving, 1)
    await until_attempted(api, token, [1])

    clock.advance(days=5)

    await until_disabled(api, token, "FAILING")


async def test_an_owner_without_access_disables_it(
    api: Api, venue: Venue, receiving: Receiver, token: str
) -> None:
    await made(api, venue.admin.token, url=receiving.url)
    role = "mutation ($id: ID!) { changeUserRole(id: $id, role: STAFF) { user { id } } }"
    demoted = await api(role, {"id": api_id(venue.admin.user)}, token=venue.owner.token)
    assert demoted.payload["user"]

    await book(api, venue, hour=10)

    owner = venue.owner.token
    found = await until_disabled(api, token, "OWNER_WITHOUT_ACCESS")
    assert receiving.requests == []
    given = {"id": found["id"], "version": found["version"], "input": {"enabled": True}}
    await api(UPDATE, given, token=owner)
    (request,) = await received(receiving, 1)
    assert request.payload["type"] == "booking.created"
    assert (await listed(api, owner))[0]["owner"] == {"name": "Owner"}


async def test_while_rotating_both_secrets_sign(
    api: Api, venue: Venue, receiving: Receiver, clock: StoppedClock, token: str
) -> None:
    new = await made(api, token, url=receiving.url)
    rotated = await api(ROTATE, {"id": new["endpoint"]["id"]}, token=token)
    assert rotated.payload["endpoint"]["oldSecretUntil"] == "2027-03-02T09:00:00Z"
    secrets = [rotated.payload["secret"], new["secret"]]

    await api(TEST, {"id": new["endpoint"]["id"]}, token=token)
    (both,) = await received(receiving, 1)
    assert signature(both, secrets, clock) == both.headers["webhook-signature"]

    clock.advance(hours=24)
    await api(TEST, {"id": new["endpoint"]["id"]}, token=token)
    (_, one) = await received(receiving, 2)
    assert signature(one, secrets[:1], clock) == one.headers["webhook-signature"]


def signature(request: Received, secrets: list[str], clock: StoppedClock) -> str:
    headers = signed_headers(secrets, id=request.id, at=clock.now, body=request.body)
    return headers["webhook-signature"]


async def test_a_rotation_of_the_installation_s_secret_renews_theirs(
    api: Api, venue: Venue, receiving: Receiver, token: str, runtime: Runtime, relay: Database
) -> None:
    new = await made(api, token, url=receiving.url)
    later = Cipher(b"a newer secret of the installation", SECRET)
    services = {**runtime.services, Cipher: later}

    await renew_webhook_secrets(replace(runtime, services=services), relay)

    cast("dict[type, object]", runtime.services)[Cipher] = Cipher(
        b"a newer secret of the installation"
    )
    await api(TEST, {"id": new["endpoint"]["id"]}, token=token)
    (request,) = await received(receiving, 1)
    signed = signed_headers([new["secret"]], id=request.id, at=MONDAY_MORNING, body=request.body)
    assert request.headers["webhook-signature"] == signed["webhook-signature"]


async def test_a_deleted_endpoint_gets_nothing(
    api: Api, venue: Venue, receiving: Receiver, token: str
) -> None:
    old = await made(api, token, url=f"{receiving.url}/old")
    await made(api, token, url=f"{receiving.url}/new")
    id = old["endpoint"]["id"]
    assert (await api(DELETE, {"id": id}, token=token)).payload == {"deletedId": id}

    await book(api, venue, hour=10)

    (request,) = await received(receiving, 1)
    assert request.path == "/new"
    assert len(await listed(api, token)) == 1


async def test_another_venue_hears_nothing(
    api: Api, venue: Venue, receiving: Receiver, runtime: Runtime, token: str
) -> None:
    other = await make_venue(runtime, min_notice_minutes=0)
    await made(api, other.admin.token, url=f"{receiving.url}/other")
    await made(api, token, url=f"{receiving.url}/own")

    await book(api, venue, hour=10)

    (request,) = await received(receiving, 1)
    assert request.path == "/own"


async def test_a_venue_has_at_most_20_endpoints(api: Api, venue: Venue, token: str) -> None:
    for number in range(20):
        await made(api, token, url=f"https://example.com/{number}")

    assert (await create(api, token, url="https://example.com/")).refusals == ["QUOTA_EXCEEDED"]


async def test_what_cannot_be_sent_is_refused_with_reasons(
    api: Api, venue: Venue, token: str
) -> None:
    refused = await create(
        api,
        token,
        url="https://10.0.0.1/",
        eventTypes=["BOOKING_CREATED", "LOGIN_FAILED"],
        description="x" * 201,
        query="{ venue",
    )

    assert [(each["path"], each["message"]) for each in refused.payload["userErrors"]] == [
        (["input", "url"], "The host must be one that everybody on the Internet can reach."),
        (["input", "eventTypes", "1"], "LOGIN_FAILED isn't sent by webhooks."),
        (["input", "description"], "The description must be at most 200 characters long."),
        (["input", "query"], "Syntax Error: Expected Name, found <EOF>."),
    ]
    assert (await create(api, token, url="https://a.test", eventTypes=[])).refusals == ["REQUIRED"]
    long = f"query ($id: ID!) {{ node(id: $id) {{ id }} }} #{'x' * 4_900}"
    assert (await create(api, token, url="https://a.test", query=long)).refusals == []
    assert (await create(api, venue.manager.token, url="https://a.test")).codes == ["FORBIDDEN"]
