"""What tests of notifications read: deliveries over HTTP, and mails in the local outbox."""

from collections.abc import Sequence
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any, Final

from jobs.notifications import find_due_notices
from kit.postgres.database import Database
from kit.runtime import Runtime
from kit.settings import Settings
from tests.support.client import Answer
from tests.support.desk import BookingClient
from tests.support.work import run_due_jobs

_DELIVERIES: Final = """
    query ($filter: DeliveryFilter) {
      notificationDeliveries(filter: $filter) { nodes { kind channel status reason } }
    }
"""
_UPDATE: Final = """
    mutation ($input: UpdateNotificationSettingsInput!, $version: Int!) {
      updateNotificationSettings(version: $version, input: $input) {
        settings {
          version switches { kind channel enabled } reminders { minutesBefore channel }
          quietHours { start until } digestTime senderName replyTo bookingPage
        }
        userErrors { __typename code path message }
      }
    }
"""


async def deliveries(client: BookingClient, **filter: Any) -> list[str]:
    """Returns the deliveries, as 'BOOKING_CONFIRMED EMAIL SENT', sorted."""
    answer = await client(_DELIVERIES, filter=filter or None)
    return sorted(
        " ".join(each[name] for name in ("kind", "channel", "status", "reason") if each[name])
        for each in answer.data["notificationDeliveries"]["nodes"]
    )


async def set_notifications(client: BookingClient, *, version: int = 1, **input: Any) -> Answer:
    """Changes the settings of the client's venue."""
    return await client(_UPDATE, input=input, version=version)


def mails(settings: Settings) -> Sequence[EmailMessage]:
    """Returns the mails in the outbox, in order."""
    files = sorted((settings.data / "outbox").glob("*.eml"))
    parser = BytesParser(EmailMessage, policy=default)
    return [parser.parsebytes(each.read_bytes()) for each in files]


def subjects(settings: Settings) -> list[str]:
    return [str(each["Subject"]) for each in mails(settings)]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def pass_time(runtime: Runtime, relay: Database) -> None:
    """Finds what has become due since the last time, and does it."""
    await find_due_notices(runtime, relay)
    await run_due_jobs(runtime)
