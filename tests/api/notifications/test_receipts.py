"""What providers report of messages, and what their recipients answer, over HTTP."""

from base64 import b64encode
from datetime import timedelta
from hmac import digest
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
import pytest
from pydantic import SecretStr

from domain.tenants.plans import PlanCode
from kit.ids import new_id
from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.notifications.notices import deliveries, mails, set_notifications
from tests.integrations.test_mail_reports import COMPLAINT, bounce
from tests.support.client import Answer, Api
from tests.support.clock import MONDAY_MORNING
from tests.support.desk import BookingClient, made
from tests.support.factories import Venue, api_id, make_booking, make_deliveries, make_venue
from tests.support.work import run_due_jobs

PUBLIC: Final = "https://api.example.com"
TOKEN: Final = "0123456789abcdef"
TOMORROW: Final = MONDAY_MORNING + timedelta(days=1, hours=3)
WALTER: Final = {"new": {"name": "Walter", "phone": "+49 30 901820"}}
LIST: Final = "{ notificationDeliveries { nodes { id channel status reason deliveredAt } } }"
RESEND: Final = """
    mutation ($id: ID!) {
      resendNotification(id: $id) { delivery { status } userErrors { code path } }
    }
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    url = SecretStr(f"twilio://AC1:{TOKEN}@+15005550006")
    return settings.model_copy(update={"sms_url": url, "public_url": PUBLIC})


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, min_notice_minutes=0, plan=PlanCode.PROFESSIONAL)


@pytest.fixture
def manager(api: Api, runtime: Runtime, venue: Venue) -> BookingClient:
    return BookingClient(api, runtime, venue.manager)


async def twilio(api: Api, path: str, *, token: str = TOKEN, **fields: str) -> httpx2.Response:
    """Sends a form as Twilio does."""
    text = f"{PUBLIC}{path}" + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    signature = b64encode(digest(token.encode(), text.encode(), "sha1")).decode()
    headers = {
        "X-Twilio-Signature": signature,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return await api.http.post(path, content=urlencode(fields), headers=headers)


async def listed(manager: BookingClient) -> list[Any]:
    return (await manager(LIST)).payload["nodes"]  # type: ignore[no-any-return]


async def resend(manager: BookingClient, delivery: Any) -> Answer:
    return await manager(RESEND, id=delivery["id"])


async def test_receipts_say_whether_a_message_has_arrived(
    api: Api, runtime: Runtime, venue: Venue, manager: BookingClient
) -> None:
    booking = await make_booking(runtime, venue, TOMORROW)
    first, second = await make_deliveries(runtime, venue, booking)
    paths = [f"/sms/twilio/{venue.tenant.id}/{each.id}" for each in (first, second)]

    forged = await twilio(api, paths[0], token="another", MessageStatus="delivered")
    await twilio(api, paths[0], MessageStatus="sent")
    arrived = await twilio(api, paths[0], MessageStatus="delivered")
    await twilio(api, paths[0], MessageStatus="failed", ErrorCode="30005")
    await twilio(api, paths[1], MessageStatus="undelivered", ErrorCode="30006")
    unknown = await twilio(api, f"/sms/twilio/{new_id()}/{first.id}", MessageStatus="delivered")

    assert [each.status_code for each in (forged, arrived, unknown)] == [403, 200, 200]
    found = await listed(manager)
    assert {(each["status"], each["reason"], bool(each["deliveredAt"])) for each in found} == {
        ("FAILED", "BOUNCED", False),
        ("SENT", None, True),
    }


async def test_who_answers_stop_gets_no_more_texts_until_start(
    api: Api, runtime: Runtime, venue: Venue, manager: BookingClient
) -> None:
    texts = {"kind": "BOOKING_CONFIRMED", "channel": "SMS", "enabled": True}
    await set_notifications(manager, switches=[texts])
    answering = {"From": "+4930901820", "To": "+15005550006"}

    forged = await twilio(api, "/sms/twilio", token="another", Body="STOP", **answering)
    stopped = await twilio(api, "/sms/twilio", Body=" Stop. ", **answering)
    helped = await twilio(api, "/sms/twilio", Body="HELP", **answering)
    handled = await twilio(api, "/sms/twilio", Body="?", OptOutType="HELP", **answering)
    thanked = await twilio(api, "/sms/twilio", Body="Start? Thanks!", **answering)
    made(await manager.create(venue.rooms[0], TOMORROW, customer=WALTER))
    await run_due_jobs(runtime)

    assert (forged.status_code, stopped.text) == (403, "<Response/>")
    assert "Reply STOP" in helped.text
    assert (handled.text, thanked.text) == ("<Response/>", "<Response/>")
    suppressed = "BOOKING_CONFIRMED SMS SUPPRESSED OPTED_OUT"
    assert await deliveries(manager, channels=["SMS"]) == [suppressed]
    (delivery,) = [each for each in await listed(manager) if each["channel"] == "SMS"]
    await resend(manager, delivery)
    await run_due_jobs(runtime)
    assert await deliveries(manager, channels=["SMS"]) == [suppressed, suppressed]

    started = await twilio(api, "/sms/twilio", Body="START", **answering)

    assert started.status_code == 200


async def test_no_more_mail_goes_to_an_address_that_bounced_or_complained(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue, manager: BookingClient
) -> None:
    async def report(mail: str) -> Any:
        response = await api.http.post("/dev/mail/inbound", content=mail.encode())
        return response.json()["landing"]

    for number, customer in enumerate((venue.customer, venue.other_customer)):
        at = TOMORROW + timedelta(hours=number)
        made(await manager.create(venue.rooms[0], at, customer={"id": api_id(customer)}))
        await run_due_jobs(runtime)
    sent = [each for each in await listed(manager) if each["channel"] == "EMAIL"]

    bounced, unwanted = (str(each["Message-ID"]) for each in mails(settings))
    assert await report(bounce().decode().replace("<0a.0b@example.com>", bounced)) == "REPORT"
    assert await report(COMPLAINT.replace("<0a.0b@example.com>", unwanted)) == "REPORT"
    assert await report(COMPLAINT) == "NO_TICKET"
    for each in sent:
        assert (await resend(manager, each)).refusals == []
    await run_due_jobs(runtime)

    assert await deliveries(manager, channels=["EMAIL"]) == [
        "BOOKING_CONFIRMED EMAIL FAILED BOUNCED",
        "BOOKING_CONFIRMED EMAIL SENT COMPLAINED",
        "BOOKING_CONFIRMED EMAIL SUPPRESSED BOUNCED",
        "BOOKING_CONFIRMED EMAIL SUPPRESSED BOUNCED",
    ]
    assert len(mails(settings)) == 2


async def test_a_notification_is_sent_again_as_another_mail(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue, manager: BookingClient
) -> None:
    given = {"id": api_id(venue.other_customer)}
    made(await manager.create(venue.rooms[0], TOMORROW, customer=given))
    await run_due_jobs(runtime)
    (first,) = await listed(manager)

    again = await resend(manager, first)
    await run_due_jobs(runtime)
    staff = await api(RESEND, {"id": first["id"]}, token=venue.staff.token)

    assert again.payload["delivery"] == {"status": "QUEUED"}
    assert staff.codes == ["FORBIDDEN"]
    ids = [each["Message-ID"] for each in mails(settings)]
    assert (len(ids), len({*ids})) == (2, 2)
