"""Webhooks as tests use them: endpoints, and waiting for what they are sent."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from tests.support.client import Answer, Api
from tests.support.factories import Venue, api_id
from tests.support.receiver import Received, Receiver

CREATE: Final = """
    mutation ($input: CreateWebhookEndpointInput!) {
      createWebhookEndpoint(input: $input) {
        endpoint { id url version }
        secret
        userErrors { code path message }
      }
    }
"""
UPDATE: Final = """
    mutation ($id: ID!, $version: Int!, $input: UpdateWebhookEndpointInput!) {
      updateWebhookEndpoint(id: $id, version: $version, input: $input) {
        endpoint { version enabled disabledReason eventTypes query }
        userErrors { code path message }
      }
    }
"""
LIST: Final = """
    {
      webhookEndpoints(first: 20) {
        nodes {
          id
          enabled
          disabledReason
          failingSince
          version
          owner { name }
          deliveries(first: 20) {
            nodes {
              id type status attemptCount nextAttemptAt deliveredAt
              attempts { statusCode error }
            }
          }
        }
      }
    }
"""
TEST: Final = """
    mutation ($id: ID!) {
      sendTestWebhook(id: $id) { delivery { id type status } userErrors { code message } }
    }
"""
REPLAY: Final = """
    mutation ($id: ID!) {
      replayWebhookDelivery(id: $id) { delivery { status attemptCount } userErrors { code } }
    }
"""
REPLAY_ALL: Final = """
    mutation ($input: ReplayWebhookDeliveriesInput!) {
      replayWebhookDeliveries(input: $input) { replayedCount userErrors { code path } }
    }
"""
BOOKINGS: Final = ["BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED"]
PATIENCE_SECONDS: Final = 60


async def program(api: Api, venue: Venue) -> str:
    """Returns the key of a program that manages webhooks."""
    mutation = """
        mutation ($input: CreateApiKeyInput!) {
          createApiKey(input: $input) { secret userErrors { message } }
        }
    """
    permissions = [
        *("webhooks:read", "webhooks:write", "bookings:read", "rooms:read", "customers:read"),
        *("customers:contact", "prices:read", "users:read"),
    ]
    given = {"name": "Program", "permissions": permissions}
    answer = await api(mutation, {"input": given}, token=venue.owner.token)
    assert answer.payload["userErrors"] == []
    return str(answer.payload["secret"])


async def create(api: Api, token: str, **given: object) -> Answer:
    return await api(CREATE, {"input": {"eventTypes": BOOKINGS, **given}}, token=token)


async def made(api: Api, token: str, **given: object) -> Any:
    """Returns a new endpoint and its secret: the payload."""
    answer = await create(api, token, **given)
    assert answer.refusals == []
    return answer.payload


async def listed(api: Api, token: str) -> Any:
    """Returns the venue's endpoints, the newest first."""
    return (await api(LIST, token=token)).payload["nodes"]


async def book(api: Api, venue: Venue, *, hour: int) -> Any:
    """Makes a booking on the next day."""
    mutation = """
        mutation ($input: CreateBookingInput!) {
          createBooking(input: $input) { booking { id version reference } userErrors { message } }
        }
    """
    given = {
        "roomId": api_id(venue.rooms[0]),
        "start": {"at": f"2027-03-02T{hour:02}:00:00Z"},
        "durationMinutes": 60,
        "customer": {"id": api_id(venue.customer)},
    }
    answer = await api(mutation, {"input": given}, token=venue.staff.token)
    assert answer.payload["userErrors"] == []
    return answer.payload["booking"]


async def cancel(api: Api, venue: Venue, booking: Any, *, version: int = 1) -> None:
    mutation = """
        mutation ($id: ID!, $version: Int!) {
          cancelBooking(id: $id, version: $version) { userErrors { message } }
        }
    """
    given = {"id": booking["id"], "version": version}
    answer = await api(mutation, given, token=venue.staff.token)
    assert answer.payload["userErrors"] == []


async def received(receiving: Receiver, number: int) -> list[Received]:
    """Waits until so many requests have come. Raises TimeoutError."""
    await until(lambda: len(receiving.requests) >= number)
    return receiving.requests


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - nobody notifies
            await asyncio.sleep(0.01)


async def until_attempted(api: Api, token: str, counts: Sequence[int]) -> Any:
    """Waits until the deliveries of the only endpoint had so many attempts; returns it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            (found,) = await listed(api, token)
            if sorted(each["attemptCount"] for each in found["deliveries"]["nodes"]) == counts:
                return found
            await asyncio.sleep(0.02)


async def until_disabled(api: Api, token: str, reason: str) -> Any:
    """Waits until the only endpoint is disabled for a reason; returns it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            (found,) = await listed(api, token)
            if found["disabledReason"] == reason:
                return found
            await asyncio.sleep(0.02)
