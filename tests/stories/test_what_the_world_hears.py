"""What leaves a venue, by its API alone: an import, mails with calendar entries, and a webhook."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any, Final

import pytest
from icalendar import Calendar, Event
from standardwebhooks.webhooks import Webhook

from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.accounts.accounts import last_code
from tests.api.bookings.test_guests import BOOK
from tests.api.imports.importing import counts, imported
from tests.api.notifications.notices import (
    deliveries,
    mails,
    pass_time,
    set_notifications,
    text_of,
)
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.desk import BookingClient, moved
from tests.support.factories import api_id, make_venue
from tests.support.guests import confirm
from tests.support.receiver import receiver
from tests.support.webhooks import made, program, received
from tests.support.work import run_due_jobs

API: Final = "https://api.example.com"
CUSTOMERS: Final = "Name,Email,Locale\nAda Lovelace,ada@example.com,de\nGrace,grace@example.com,\n"
TEMPLATE: Final = """
    mutation ($input: UpdateNotificationTemplateInput!) {
      updateNotificationTemplate(version: 0, input: $input) { userErrors { message } }
    }
"""
CUSTOMER: Final = "{ bookings { nodes { id version customer { name } } } }"
# In UTC; the venue is in Berlin.
WEDNESDAY: Final = datetime(2027, 3, 3, 10, tzinfo=UTC)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"outbound_loopback": True, "public_url": API})


def hers(settings: Settings) -> list[EmailMessage]:
    """Returns the mails that Ada got."""
    return [each for each in mails(settings) if each["To"] == "ada@example.com"]


def entry_in(mail: EmailMessage) -> tuple[str, Event]:
    """Returns the method and the only event of a mail's calendar entry."""
    (part,) = [each for each in mail.walk() if each.get_content_type() == "text/calendar"]
    calendar = Calendar.from_ical(part.get_content())
    (event,) = calendar.events
    return str(calendar["METHOD"]), event


async def test_what_the_world_hears_of_a_booking(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock, relay: Database
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0, time_zone="Europe/Berlin")
    manager = BookingClient(api, runtime, venue.manager)
    await pass_time(runtime, relay)

    async with receiver() as receiving:
        # The venue words its texts, connects another program, and brings its customers.
        words = {"subject": "Bis bald in {rooms}!", "body": "Hallo {first_name}, wir freuen uns."}
        text = {"kind": "BOOKING_CONFIRMED", "channel": "EMAIL", "locale": "de", **words}
        assert (await manager(TEMPLATE, input=text)).refusals == []
        by_mail = [{"minutesBefore": each, "channel": "EMAIL"} for each in (1440, 120)]
        await set_notifications(manager, reminders=by_mail)
        hook = await made(api, await program(api, venue), url=f"{receiving.url}/hooks")
        brought = await imported(api, runtime, venue.manager, "CUSTOMERS", CUSTOMERS)
        assert counts(brought) == (2, 0, 0, 0)

        # One of them books without an account, and confirms it with the code of a letter.
        wanted = {
            "subdomain": venue.tenant.subdomain,
            "roomId": api_id(venue.rooms[0]),
            "start": {"at": "2027-03-03T10:00:00Z"},
            "durationMinutes": 60,
            "customer": {"name": "Ada", "email": "ada@example.com", "locale": "de"},
        }
        assert (await api(BOOK, {"input": wanted})).refusals == []
        code = await last_code(runtime, to="ada@example.com")
        assert (await confirm(api, code)).payload["booking"]["status"] == "CONFIRMED"
        await run_due_jobs(runtime)

        # She is told once that it is confirmed, in the venue's words, for her calendar.
        letter, confirmed = hers(settings)
        assert str(letter["Subject"]).startswith("Your booking ")
        assert str(confirmed["Subject"]) == "Bis bald in Room 1!"
        assert text_of(confirmed).startswith("Hallo Ada, wir freuen uns.\n\nWann: ")
        method, entry = entry_in(confirmed)
        assert (method, entry.start, entry.end - entry.start) == (
            "REQUEST",
            WEDNESDAY,
            timedelta(hours=1),
        )

        # The program hears of it, and knows from whom.
        (heard,) = await received(receiving, 1)
        sent = datetime.fromtimestamp(int(heard.headers["webhook-timestamp"]), UTC)
        signature = Webhook(hook["secret"]).sign(heard.id, sent, heard.body.decode())
        assert signature == heard.headers["webhook-signature"]
        assert heard.payload["type"] == "booking.created"

        # The booking is moved by two hours, and its reminder with it.
        (booking,) = (await manager(CUSTOMER)).payload["nodes"]
        booking = moved(await manager.move(booking, WEDNESDAY + timedelta(hours=2)))
        clock.now = WEDNESDAY - timedelta(days=1)
        await pass_time(runtime, relay)
        assert await reminders(manager) == []
        clock.advance(hours=2)
        await pass_time(runtime, relay)
        assert await reminders(manager) == ["BOOKING_REMINDER EMAIL SENT"]

        # One is enough for her, as she says with one click.
        *_, reminder = hers(settings)
        link = str(reminder["List-Unsubscribe"]).strip("<>").replace("\r\n", "").replace(" ", "")
        assert (await api.http.post(link.removeprefix(API))).status_code == 200
        clock.now = WEDNESDAY
        await pass_time(runtime, relay)
        assert await reminders(manager) == [
            "BOOKING_REMINDER EMAIL SENT",
            "BOOKING_REMINDER EMAIL SUPPRESSED OPTED_OUT",
        ]

        # It is cancelled, and leaves her calendar.
        await manager.cancel(booking)
        await run_due_jobs(runtime)
        *_, cancelled = hers(settings)
        method, last = entry_in(cancelled)
        assert (method, str(last["UID"])) == ("CANCEL", str(entry["UID"]))
        assert int(str(last["SEQUENCE"])) > int(str(entry["SEQUENCE"]))
        types = [each.payload["type"] for each in await received(receiving, 3)]
        assert types == ["booking.created", "booking.rescheduled", "booking.cancelled"]
        assert len(hers(settings)) == 5


async def reminders(manager: BookingClient) -> list[Any]:
    return await deliveries(manager, kinds=["BOOKING_REMINDER"])
