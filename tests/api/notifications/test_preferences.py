"""Recipients choose what they get: logged in, by the link of a message, and with one click."""

from datetime import timedelta
from email.message import EmailMessage
from typing import Any, Final

import pytest

from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.customers.test_merges import merge
from tests.api.notifications.notices import deliveries, mails
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.desk import BookingClient
from tests.support.factories import Venue, api_id, make_venue
from tests.support.work import run_due_jobs

TOMORROW: Final = MONDAY_MORNING + timedelta(days=1, hours=3)
CONFIRMATIONS: Final = {"kind": "BOOKING_CONFIRMED", "channel": "EMAIL"}
UPDATE: Final = """
    mutation ($input: UpdateNotificationPreferencesInput!) {
      updateNotificationPreferences(input: $input) {
        preferences { optedOut { kind channel } } userErrors { code path }
      }
    }
"""


@pytest.fixture
def module_settings(module_settings: Settings) -> Settings:
    return module_settings.model_copy(update={"public_url": "https://api.example.com"})


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0)


@pytest.fixture
def desk(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.manager)


async def book(desk: BookingClient, runtime: Runtime, venue: Venue, *, hours: int = 0) -> None:
    at = TOMORROW + timedelta(hours=hours)
    await desk.create(venue.rooms[0], at, customer={"id": api_id(venue.customer)})
    await run_due_jobs(runtime)


def unsubscribe_path(mail: EmailMessage) -> str:
    address = str(mail["List-Unsubscribe"]).strip("<>").replace("\r\n", "").replace(" ", "")
    return address.removeprefix("https://api.example.com")


async def confirmations(desk: BookingClient) -> list[str]:
    return await deliveries(desk, kinds=["BOOKING_CONFIRMED"], channels=["EMAIL"])


async def test_who_is_logged_in_opts_out_and_in_again(
    runtime: Runtime, venue: Venue, desk: BookingClient
) -> None:
    guest = BookingClient(desk.api, runtime, venue.guest)
    chosen = (await guest(UPDATE, input={"optOut": [CONFIRMATIONS]})).payload
    assert chosen == {"preferences": {"optedOut": [CONFIRMATIONS]}, "userErrors": []}
    await book(desk, runtime, venue)
    assert await confirmations(desk) == ["BOOKING_CONFIRMED EMAIL SUPPRESSED OPTED_OUT"]

    chosen = (await guest(UPDATE, input={"optIn": [CONFIRMATIONS]})).payload
    assert chosen["preferences"] == {"optedOut": []}
    await book(desk, runtime, venue, hours=2)
    assert "BOOKING_CONFIRMED EMAIL SENT" in await confirmations(desk)


async def test_one_click_in_a_mail_program_unsubscribes(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue, desk: BookingClient
) -> None:
    await book(desk, runtime, venue)
    (mail,) = mails(settings)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = unsubscribe_path(mail)

    page = await api.http.get(path)
    assert page.status_code == 200 and "<button>" in page.text
    answer = await api.http.post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert (await api.http.post(f"{path[:-4]}AAAA")).status_code == 404

    await book(desk, runtime, venue, hours=2)
    assert len(mails(settings)) == 1
    by_link = {"link": path.rpartition("/")[2], "optIn": [CONFIRMATIONS]}
    assert (await api(UPDATE, {"input": by_link})).payload["preferences"] == {"optedOut": []}


async def test_without_a_login_or_a_link_nobody_chooses(api: Api) -> None:
    answer = await api(UPDATE, {"input": {"optOut": [CONFIRMATIONS]}})
    assert answer.codes == ["UNAUTHENTICATED"]

    forged: Any = (await api(UPDATE, {"input": {"link": "forged"}})).payload
    assert forged["userErrors"] == [{"code": "INVALID_CREDENTIALS", "path": ["input", "link"]}]


async def test_the_link_of_a_merged_customer_is_for_the_one_that_was_kept(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue, desk: BookingClient
) -> None:
    old = {"new": {"name": "Ada", "email": "old@example.test"}}
    booked = await desk.create(venue.rooms[0], TOMORROW, customer=old)
    await run_due_jobs(runtime)
    path = unsubscribe_path(mails(settings)[-1])
    kept, merged = api_id(venue.other_customer), booked.payload["booking"]["customer"]["id"]
    assert (await merge(api, venue, kept, merged)).refusals == []

    assert (await api.http.post(path)).status_code == 200

    later = TOMORROW + timedelta(hours=2)
    await desk.create(venue.rooms[0], later, customer={"id": kept})
    await run_due_jobs(runtime)
    assert "BOOKING_CONFIRMED EMAIL SUPPRESSED OPTED_OUT" in await confirmations(desk)
    assert len(mails(settings)) == 1
