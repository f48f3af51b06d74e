"""Prices of busy hours, a coupon, a quota, regular customers and somebody on the waitlist."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from commands.demo.history import History
from commands.demo.upcoming import BOOKED_AGO
from commands.demo.venues import OPENING_RATE_DAYS
from domain.accounts.users import Role
from domain.bookings.coupons import coupon_code
from domain.bookings.lifecycle import Status
from domain.bookings.price_conditions import PriceConditions
from domain.bookings.pricing import PriceUnit
from domain.bookings.quotas import QuotaMeasure, QuotaPeriod
from domain.core.ids import RoomId
from domain.core.local_time import LocalTime, zone
from domain.core.log_events import Event, EventType
from domain.core.money import Money
from domain.venue.hours import Weekday
from models.bookings.bookings import Booking
from models.bookings.coupons import Coupon
from models.bookings.price_rules import PriceRule, stored_conditions
from models.bookings.quotas import BookingQuota
from models.bookings.waitlist import WaitlistEntry
from models.core.base import snapshot
from models.customers.customers import Customer
from models.venue.rooms import Room

_REGULAR: Final = "regular"
_REGULARS: Final = 20
_JOINED_AGO: Final = timedelta(days=1)
_SEAT_MINOR: Final = 1_500
_PEAK_MINOR: Final = 5_500
_PEAK: Final = PriceConditions(
    categories=("Lounge",),
    weekdays=(Weekday.FRIDAY, Weekday.SATURDAY),
    starts_at=LocalTime.parse("20:00"),
    ends_at=LocalTime.parse("02:00"),
)


def price_rules(history: History, seats: Room) -> list[PriceRule]:
    """Returns rules for the lounges on weekend nights, and for each person in a class."""
    of_class = PriceConditions(room_ids=(RoomId(seats.id),))
    return [
        _rule(history, 0, "Weekend night", PriceUnit.HOUR, _PEAK_MINOR, _PEAK),
        _rule(history, 1, seats.name, PriceUnit.PERSON, _SEAT_MINOR, of_class),
    ]


def opening_rates(history: History, rooms: Sequence[Room]) -> list[PriceRule]:
    """Returns rules for what rooms cost at first, until a date."""
    until = history.now.astimezone(zone(history.venue.time_zone)).date()
    until -= timedelta(days=OPENING_RATE_DAYS)
    return [
        _rule(
            history,
            2 + place,
            "Opening rate",
            PriceUnit.HOUR,
            plan.opening_rate_minor,
            PriceConditions(room_ids=(RoomId(room.id),), last_date=until),
            at=history.opened_at,
        )
        for place, (room, plan) in enumerate(zip(rooms, history.venue.rooms, strict=True))
        if plan.opening_rate_minor is not None
    ]


def welcome_coupon(history: History) -> Coupon:
    """Returns a coupon of a tenth off a customer's first booking."""
    coupon = Coupon(
        **_row(history),
        code=coupon_code("WELCOME10"),
        currency_code=history.venue.currency_code,
        percent=10,
        room_ids=[],
        first_booking_only=True,
        created_at=history.opened_at,
        updated_at=history.opened_at,
    )
    history.created(EventType.COUPON_CREATED, coupon, at=coupon.created_at, by=Role.MANAGER)
    return coupon


def weekly_quota(history: History) -> BookingQuota:
    """Returns the quota of bookings that a customer may have in a week."""
    quota = BookingQuota(
        **_row(history),
        measure=QuotaMeasure.BOOKINGS.value,
        period=QuotaPeriod.WEEK.value,
        limit=3,
        created_at=history.opened_at,
    )
    history.created(EventType.QUOTA_CREATED, quota, at=quota.created_at, by=Role.OWNER)
    return quota


def mark_regulars(
    history: History, customers: Iterable[Customer], bookings: Sequence[Booking]
) -> None:
    """Tags the customers who came most often."""
    visits = Counter(each.customer_id for each in bookings if each.status == Status.COMPLETED)
    often = {id for id, _ in visits.most_common(_REGULARS)}
    at = history.now - BOOKED_AGO
    for customer in customers:
        if customer.id in often and customer.created_at < at:
            before = snapshot(customer)
            customer.tags, customer.version = [_REGULAR], customer.version + 1
            after = snapshot(customer)
            history.add_event(
                Event(
                    EventType.CUSTOMER_UPDATED, "Customer", customer.id, before=before, after=after
                ),
                at=at,
                by=Role.STAFF,
            )


def waiting(
    history: History, room: Room, customer: Customer, bookings: Sequence[Booking]
) -> list[WaitlistEntry]:
    """Returns an entry of a customer who waits for the time of the room's next booking."""
    at = history.now - _JOINED_AGO
    next_ones = (
        each
        for each in bookings
        if each.room_id == room.id
        and each.status == Status.CONFIRMED
        and each.created_at < at
        and each.starts_at > history.now + _JOINED_AGO
    )
    taken = min(next_ones, key=lambda each: each.starts_at, default=None)
    if taken is None:
        return []
    entry = WaitlistEntry(
        **_row(history),
        customer_id=customer.id,
        starts_at=taken.starts_at,
        duration_minutes=(taken.ends_at - taken.starts_at).seconds // 60,
        party_size=room.capacity,
        room_ids=[room.id],
        first_start_at=taken.starts_at,
        last_start_at=taken.starts_at,
        created_at=at,
        updated_at=at,
    )
    history.created(EventType.WAITLIST_JOINED, entry, at=at, by=Role.STAFF)
    return [entry]


def _rule(
    history: History,
    position: int,
    label: str,
    unit: PriceUnit,
    amount_minor: int,
    conditions: PriceConditions,
    *,
    at: datetime | None = None,
) -> PriceRule:
    amount = Money(amount_minor, history.venue.currency_code)
    rule = PriceRule(
        **_row(history),
        position=position,
        label=label,
        unit=unit.value,
        amount_minor=amount.amount_minor,
        currency_code=amount.currency_code,
        conditions=stored_conditions(conditions),
        created_at=at or history.now - BOOKED_AGO,
    )
    history.created(EventType.PRICE_RULES_CHANGED, rule, at=rule.created_at, by=Role.MANAGER)
    return rule


def _row(history: History) -> dict[str, Any]:
    return {"tenant_id": history.tenant_id, "id": history.new_id()}
