"""The rows of a demo venue, in the order in which they can be inserted."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import inspect

from commands.demo.articles import articles
from commands.demo.bookings import Bookings, Calendar
from commands.demo.conversations import conversation_rows
from commands.demo.history import History
from commands.demo.inboxes import team_inboxes
from commands.demo.money import Till
from commands.demo.offers import (
    mark_regulars,
    opening_rates,
    price_rules,
    waiting,
    weekly_quota,
    welcome_coupon,
)
from commands.demo.tickets import support_rows
from commands.demo.upcoming import Upcoming
from commands.demo.venues import (
    CUSTOMER_NOTES,
    DAYS_BACK,
    GIVEN_NAMES,
    HISTORY_DAYS,
    HOLD_MINUTES,
    INITIALS,
    USERS,
    DemoVenue,
)
from domain.accounts.users import Role
from domain.core.intervals import Interval
from domain.core.local_time import Edge, instant, zone
from domain.core.log_events import Event, EventType
from domain.support.service_hours import ServiceHours
from domain.venue.hours import HoursFacts, Weekday, WeeklyHours
from models.accounts.users import User
from models.bookings.bookings import Booking
from models.bookings.coupons import Coupon
from models.bookings.price_rules import PriceRule
from models.bookings.quotas import BookingQuota
from models.bookings.series import BookingSeries
from models.bookings.waitlist import WaitlistEntry
from models.customers.customers import Customer
from models.notifications.inbox import InboxEntry
from models.payments.payments import Payment, Refund, stored_steps
from models.tenants import Tenant, UsageCounter
from models.venue.hours import Blackout, HoursException, WeekdayHours, as_pairs
from models.venue.rooms import Room
from resolvers.tenants.usage import ALWAYS, Meter, period_of

_PLANNED_AGO: Final = timedelta(days=20)
"""How long ago the holiday and the blackout were entered."""


class DemoRows:
    """Builds a venue with its rooms, people and bookings, as of now.

    The bookings reach ``days_back`` into the past, and the venue opened earlier.
    """

    def __init__(
        self,
        venue: DemoVenue,
        *,
        now: datetime,
        password_hash: str,
        days_back: int = DAYS_BACK,
    ) -> None:
        opened = HISTORY_DAYS - DAYS_BACK + days_back
        self.history = History(venue, now=now, days=opened)
        self._days_back = days_back
        self._venue = venue
        self._zone = zone(venue.time_zone)
        self.tenant = self._tenant()
        self.customers = self._customers()
        self.users = self._users(password_hash)
        self.rooms = self._rooms()
        self.week = self._week()
        self.holiday = self._holiday()
        self.blackout = self._blackout()
        self.series: list[BookingSeries] = []
        self.price_rules: list[PriceRule] = []
        self.coupons: list[Coupon] = []
        self.quotas: list[BookingQuota] = []
        self.waitlist: list[WaitlistEntry] = []
        self.till = Till(self.history, venue.paid_by)
        self.bookings = self._bookings()
        self._date_customers()
        mark_regulars(self.history, self.customers, self.bookings)
        self.usage = self._usage()
        self.tickets, self.messages = support_rows(
            self.history, self.customers[8:], ServiceHours(self._hours(), self._zone)
        )
        self.articles = articles(self.history)
        self.conversations, self.answers = conversation_rows(self.history, self._zone)

    def batches(self) -> Iterator[Sequence[Any]]:
        """Yields the rows of which there are few, in batches that refer only to earlier ones."""
        yield [self.tenant]
        yield [*self.customers, *self.rooms, *self.week]
        yield [*self.users, self.holiday, self.blackout, *self.series, *self.waitlist]
        yield [*self.price_rules, *self.coupons, *self.quotas, *self.usage]
        yield [*self.tickets, *self.conversations]
        yield [*self.messages, *self.answers]
        yield self.articles

    def many(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yields what there is much of, in the order in which it can be inserted.

        That is the names of tables, and their rows as values by the names of columns.
        """
        yield "bookings", _columns(Booking, self.bookings)
        inboxes = team_inboxes(self.history, self.bookings, self.rooms, self._zone)
        yield "inbox_entries", _columns(InboxEntry, list(inboxes))
        yield "payments", _columns(Payment, self.till.payments)
        yield "refunds", _columns(Refund, self.till.refunds)
        yield "ledger_entries", self.till.ledger
        yield "log", self.history.log()

    def _tenant(self) -> Tenant:
        return Tenant(
            id=self.history.tenant_id,
            name=self._venue.name,
            subdomain=self._venue.subdomain,
            time_zone=self._venue.time_zone,
            currency_code=self._venue.currency_code,
            plan_code=self._venue.plan.value,
            requires_confirmation=self._venue.requires_confirmation,
            hold_minutes=HOLD_MINUTES,
            payment_policy=self._venue.terms.policy.kind.value,
            payment_percent=self._venue.terms.policy.percent,
            cancellation_steps=stored_steps(self._venue.terms.steps),
            created_at=self.history.opened_at,
        )

    def _row(self) -> dict[str, Any]:
        return {"tenant_id": self.history.tenant_id, "id": self.history.new_id()}

    # -------------------------------------------------------------------------- people

    def _customers(self) -> list[Customer]:
        """Returns the customers, the customer user first; their dates follow from bookings."""
        dice, venue = self.history.dice, self._venue
        own = self._customer(USERS[Role.CUSTOMER], f"customer@{venue.subdomain}.test")
        everybody = [(name, initial) for name in GIVEN_NAMES for initial in INITIALS]
        chosen = dice.sample(everybody, venue.customers - 1)
        others = [
            self._customer(f"{name} {initial}.", f"{name}.{initial}@guests.test".lower())
            for name, initial in chosen
        ]
        return [own, *others]

    def _customer(self, name: str, email: str) -> Customer:
        dice, venue = self.history.dice, self._venue
        return Customer(
            **self._row(),
            name=name,
            email=email,
            email_key=email,
            phone=f"{venue.phone_prefix}{dice.randrange(100):02}" if dice.random() < 0.8 else None,
            locale=dice.choice(venue.customer_locales),
            notes=dice.choice(CUSTOMER_NOTES) if dice.random() < 0.05 else None,
            created_at=self.history.opened_at,
        )

    def _date_customers(self) -> None:
        """Dates each customer by their first booking, or else early."""
        first: dict[Any, datetime] = {}
        for booking in self.bookings:
            earlier = first.get(booking.customer_id, booking.created_at)
            first[booking.customer_id] = min(earlier, booking.created_at)
        for customer in self.customers:
            customer.created_at = first.get(customer.id, customer.created_at)
            self.history.created(
                EventType.CUSTOMER_CREATED, customer, at=customer.created_at, by=Role.STAFF
            )

    def _users(self, password_hash: str) -> list[User]:
        at = self.history.opened_at
        for role, name in USERS.items():
            email = f"{role.lower()}@{self._venue.subdomain}.test"
            self.history.users[role] = User(
                **self._row(),
                email=email,
                email_key=email,
                name=name,
                role=role.value,
                password_hash=password_hash,
                customer_id=self.customers[0].id if role is Role.CUSTOMER else None,
                email_verified_at=at,
                created_at=at,
            )
        for role, user in self.history.users.items():
            if role is not Role.OWNER:
                self.history.created(EventType.USER_INVITED, user, at=at, by=Role.OWNER)
                self.history.created(EventType.USER_JOINED, user, at=at, by=role)
        return list(self.history.users.values())

    # -------------------------------------------------------------------------- the venue

    def _rooms(self) -> list[Room]:
        rooms = []
        for each in self._venue.rooms:
            room = Room(
                **self._row(),
                name=each.name,
                description=each.description,
                category=each.category,
                capacity=each.capacity,
                color=each.color,
                buffer_after_minutes=each.buffer_after_minutes,
                hourly_rate_minor=each.hourly_rate_minor,
                seats=each.seats,
                currency_code=self._venue.currency_code,
                created_at=self.history.opened_at,
            )
            rooms.append(room)
        for room, each in zip(rooms, self._venue.rooms, strict=True):
            if each.parts:
                room.part_ids = [rooms[place].id for place in each.parts]
                room.space_ids = sorted(room.part_ids)
            self.history.created(
                EventType.ROOM_CREATED, room, at=self.history.opened_at, by=Role.OWNER
            )
        return rooms

    def _hours(self) -> HoursFacts:
        return HoursFacts(self._weekly_hours(), venue_exceptions={self.holiday.date: ()})

    def _week(self) -> list[WeekdayHours]:
        week = [
            WeekdayHours(**self._row(), weekday=day.weekday, minutes=as_pairs(day.intervals))
            for day in self._weekly_hours()
        ]
        after = {
            "weekly_hours": [
                {"weekday": day.weekday, "intervals": _logged(day.intervals)}
                for day in self._weekly_hours()
            ]
        }
        self._hours_changed(after, at=self.history.opened_at)
        return week

    def _weekly_hours(self) -> tuple[WeeklyHours, ...]:
        week = self._venue.week
        return tuple(WeeklyHours(day, (week[day],) if day in week else ()) for day in Weekday)

    def _open_day(self, days_ahead: int) -> date:
        """Returns the first open day, from so many days ahead."""
        today = self.history.now.astimezone(self._zone).date()
        dates = (today + timedelta(days=days_ahead + n) for n in range(7))
        return next(day for day in dates if tuple(Weekday)[day.weekday()] in self._venue.week)

    def _holiday(self) -> HoursException:
        day = self._open_day(self._venue.holiday_days_ahead)
        holiday = HoursException(
            **self._row(), date=day, minutes=as_pairs(()), reason="A public holiday"
        )
        logged = {
            "hours_exception": {"date": day.isoformat(), "intervals": []},
            "reason": holiday.reason,
        }
        self._hours_changed(logged, at=self.history.now - _PLANNED_AGO)
        return holiday

    def _blackout(self) -> Blackout:
        plan = self._venue.blackout
        day = self._open_day(plan.days_ahead)
        at = self.history.now - _PLANNED_AGO
        blackout = Blackout(
            **self._row(),
            room_id=None if plan.room is None else self.rooms[plan.room].id,
            starts_at=instant(day, plan.hours.opens_at, self._zone, edge=Edge.OPENING),
            ends_at=instant(day, plan.hours.closes_at, self._zone, edge=Edge.CLOSING),
            reason=plan.reason,
            created_at=at,
        )
        self.history.created(EventType.BLACKOUT_CREATED, blackout, at=at, by=Role.MANAGER)
        return blackout

    def _hours_changed(self, after: Mapping[str, object], *, at: datetime) -> None:
        event = Event(EventType.HOURS_CHANGED, "Tenant", self.history.tenant_id, after=after)
        self.history.add_event(event, at=at, by=Role.OWNER)

    # -------------------------------------------------------------------------- bookings

    def _bookings(self) -> list[Booking]:
        blocked = Interval(self.blackout.starts_at, self.blackout.ends_at)
        calendar = Calendar(
            self._zone,
            hours=self._hours(),
            blackouts={
                room.id: [blocked] if self.blackout.room_id in (None, room.id) else []
                for room in self.rooms
            },
        )
        self.price_rules = opening_rates(self.history, self.rooms)
        bookings = Bookings(self.history, calendar, self.customers, self.price_rules)
        busy = [
            room for room, plan in zip(self.rooms, self._venue.rooms, strict=True) if plan.is_busy
        ]
        bookings.fill(busy, days_back=self._days_back)
        for booking in bookings.paid:
            self.till.take(booking)
        if self._venue.requires_confirmation:
            self.quotas = [weekly_quota(self.history)]
            return bookings.made
        return [*bookings.made, *self._upcoming(calendar, busy, bookings.made)]

    def _upcoming(
        self, calendar: Calendar, busy: Sequence[Room], booked: Sequence[Booking]
    ) -> Iterator[Booking]:
        """Yields bookings of a series, a part and seats, and makes what else there is for them."""
        upcoming = Upcoming(self.history, calendar, booked)
        undivided = [room for room in busy if not room.part_ids]
        made = upcoming.weekly_series(undivided, self.customers[1])
        if made is not None:
            self.series.append(made[0])
            yield from made[1]
        (hall,) = (room for room in self.rooms if room.part_ids)
        (of_seats,) = (room for room in self.rooms if room.seats is not None)
        (part, *_) = (room for room in self.rooms if room.id in (hall.part_ids or ()))
        yield from upcoming.of_a_part(hall, part, self.customers[2])
        of_venue = price_rules(self.history, of_seats)
        self.price_rules += of_venue
        yield from upcoming.of_seats(of_seats, self.customers[3:], of_venue[-1])
        self.coupons = [welcome_coupon(self.history)]
        self.waitlist = waiting(self.history, hall, self.customers[6], booked)

    def _usage(self) -> list[UsageCounter]:
        """Returns usage by month: that of a booking's creation, or of its hold's conversion."""
        months = Counter(
            period_of(entry["at"], self._zone)
            for entry in self.history.log()
            if entry["type"] == EventType.BOOKING_CREATED
        )
        return [
            self._counter(Meter.ROOMS, ALWAYS, len(self.rooms)),
            *(self._counter(Meter.BOOKINGS, month, used) for month, used in months.items()),
        ]

    def _counter(self, meter: Meter, period_start: date, used: int) -> UsageCounter:
        return UsageCounter(
            tenant_id=self.history.tenant_id, meter=meter, period_start=period_start, used=used
        )


def _columns(kind: type[object], rows: Sequence[object]) -> list[dict[str, Any]]:
    names = [each.key for each in inspect(kind).column_attrs]
    return [{name: getattr(row, name) for name in names} for row in rows]


def _logged(intervals: Sequence[Any]) -> list[object]:
    return [{"opensAt": str(each.opens_at), "closesAt": str(each.closes_at)} for each in intervals]
