"""Messages of refusals, which a person can act on."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.refusals import HoldExpired, PriceChanged, SlotTaken
from domain.core.ids import RoomId
from domain.core.intervals import Interval
from domain.core.money import Money
from domain.core.refusals import Code, Duplicate, Invalid, NotFound, Refusal, Required, StaleVersion
from domain.tenants.plans import Feature
from domain.tenants.refusals import FeatureNotIncluded, PlanLimitReached

NEW_YORK = ZoneInfo("America/New_York")
ROOM_ID = RoomId(UUID("01940000-0000-7000-8000-000000000001"))
AT_SEVEN = datetime(2027, 1, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("refusal", "code", "message"),
    [
        (Invalid("A name is short.", path=("name",)), "INVALID", "A name is short."),
        (Required(path=("hours", 0, "opens_at")), "REQUIRED", "Opens at is required."),
        (Required(path=("tags", 0)), "REQUIRED", "Each of the tags is required."),
        (NotFound("room", path=("room_id",)), "NOT_FOUND", "There is no such room."),
        (Duplicate("subdomain"), "DUPLICATE", "This subdomain is already in use."),
        (
            StaleVersion(object()),
            "STALE_VERSION",
            "It has changed since you read it; check its current state and try again.",
        ),
        (
            HoldExpired(AT_SEVEN, NEW_YORK),
            "HOLD_EXPIRED",
            "The hold ended at 19:00 on Friday 8 January 2027; choose a time again.",
        ),
        (
            PriceChanged(Money(2900, "USD"), actual=Money(3900, "USD")),
            "PRICE_CHANGED",
            "The price is now 39.00 USD; you expected 29.00 USD.",
        ),
        (
            PriceChanged(Money(2900, "USD"), actual=None),
            "PRICE_CHANGED",
            "The room no longer has a price; you expected 29.00 USD.",
        ),
        (
            FeatureNotIncluded(Feature.ANALYTICS),
            "FEATURE_NOT_INCLUDED",
            "The plan doesn't include analytics; the Professional plan does.",
        ),
        (
            FeatureNotIncluded(Feature.SMS),
            "FEATURE_NOT_INCLUDED",
            "The plan doesn't include SMS notifications; the Professional plan does.",
        ),
        (
            PlanLimitReached("room", 5, used=5, resets_at=None, required_plan="PROFESSIONAL"),
            "PLAN_LIMIT_REACHED",
            "The plan's 5 rooms are used up; the Professional plan has more.",
        ),
        (
            SlotTaken(
                Code.SLOT_TAKEN,
                room_id=ROOM_ID,
                room_name="Blue Room",
                wanted=Interval.of_minutes(AT_SEVEN, 3 * 24 * 60),
                party_size=4,
                zone=NEW_YORK,
                conflicts=(),
            ),
            "SLOT_TAKEN",
            "Blue Room is no longer free "
            "19:00 on Friday 8 January 2027 to 19:00 on Monday 11 January 2027.",
        ),
    ],
)
def test_a_refusal_has_a_code_and_says(refusal: Refusal, code: str, message: str) -> None:
    assert refusal.code == code
    assert refusal.message == message


def test_refusals_are_raised_together() -> None:
    refused = [Invalid("A name is short.", path=("name",)), Required(path=("capacity",))]

    with pytest.raises(ExceptionGroup) as raised:
        raise ExceptionGroup("refused", refused)

    assert list(raised.value.exceptions) == refused
