"""How much a recipient gets in an hour at most."""

from collections import Counter
from datetime import timedelta
from typing import Final

import pytest

from domain.tenants.plans import PlanCode
from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.notifications.notices import deliveries, mails, set_notifications
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING, StoppedClock
from tests.support.desk import BookingClient, made
from tests.support.factories import make_venue
from tests.support.work import run_due_jobs

TOMORROW: Final = MONDAY_MORNING + timedelta(days=1, hours=3)
CALLER: Final = {"new": {"name": "Walter", "phone": "+49 30 901820", "email": "w@example.test"}}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"rate_limit": True})


async def test_an_unverified_address_gets_six_mails_an_hour_and_a_number_five_sms(
    api: Api, runtime: Runtime, settings: Settings, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime, min_notice_minutes=0, plan=PlanCode.PROFESSIONAL)
    desk = BookingClient(api, runtime, venue.manager)
    by_sms = {"kind": "BOOKING_CONFIRMED", "channel": "SMS", "enabled": True}
    await set_notifications(desk, switches=[by_sms])
    for hours in range(7):
        at = TOMORROW + timedelta(hours=hours)
        made(await desk.create(venue.rooms[0], at, customer=CALLER))
    await run_due_jobs(runtime)

    assert Counter(await deliveries(desk)) == {
        "BOOKING_CONFIRMED EMAIL SENT": 6,
        "BOOKING_CONFIRMED EMAIL SUPPRESSED CAP": 1,
        "BOOKING_CONFIRMED SMS SENT": 5,
        "BOOKING_CONFIRMED SMS SUPPRESSED CAP": 2,
    }

    clock.advance(hours=1)
    made(await desk.create(venue.rooms[1], TOMORROW, customer=CALLER))
    await run_due_jobs(runtime)
    assert len(mails(settings)) == 7
