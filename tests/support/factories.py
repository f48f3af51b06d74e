"""Venues with all that a test needs, stored directly: rooms, people with tokens, bookings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.dialects.postgresql import Range

from domain.accounts.users import Role
from domain.analytics.exports import ExportFailure, ExportFormat, ExportKind, ExportStatus
from domain.bookings.lifecycle import Status
from domain.bookings.waitlist import WaitlistStatus
from domain.imports.imports import (
    ImportFailure,
    ImportFormat,
    ImportKind,
    ImportOutcome,
    ImportStatus,
)
from domain.notifications.deliveries import DeliveryState
from domain.notifications.kinds import Channel, NotificationKind
from domain.tenants.plans import PlanCode
from domain.venue.hours import Weekday
from domain.webhooks.deliveries import DeliveryStatus
from integrations.billing.protocol import Billing
from kit.actor import ANONYMOUS, Actor, ActorKind, Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from kit.security.passwords import Passwords
from kit.security.tokens import Tokens
from models.accounts.sessions import Session
from models.accounts.users import User
from models.analytics.exports import Export
from models.assistant.conversations import Conversation, Message
from models.assistant.proposals import Proposal
from models.billing import BillingSubscription
from models.bookings.bookings import Booking
from models.bookings.series import BookingSeries
from models.bookings.waitlist import WaitlistEntry
from models.core.base import TenantRow
from models.customers.customers import Customer
from models.imports.imports import Import, ImportRow
from models.notifications.deliveries import NotificationDelivery
from models.tenants import Tenant
from models.venue.hours import WeekdayHours
from models.venue.rooms import Room
from models.webhooks.deliveries import WebhookDelivery
from models.webhooks.endpoints import WebhookEndpoint
from permissions.roles import P
from resolvers.core.transactions import perform
from resolvers.tenants.usage import count_room
from schema.core.global_ids import encode_id

PASSWORD = "a long enough password"
ALWAYS = ((0, 24 * 60),)

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Person:
    """A user with a session that has just begun."""

    user: User
    token: str
    session: Session

    @property
    def actor(self) -> Actor:
        """The actor of this person's calls."""
        user = self.user
        kind = ActorKind.CUSTOMER if user.customer_id else ActorKind.USER
        return Actor(
            kind, user.tenant_id, user.id, self.session.id, user.role, own_id=user.customer_id
        )


@dataclass(frozen=True, slots=True)
class Venue:
    """A tenant with rooms and a person of every role; ``guest`` is the one who is a customer."""

    tenant: Tenant
    rooms: tuple[Room, ...]
    owner: Person
    admin: Person
    manager: Person
    staff: Person
    guest: Person
    customer: Customer
    other_customer: Customer


async def make_venue(
    runtime: Runtime,
    *,
    subdomain: str | None = None,
    rooms: int = 2,
    time_zone: str = "Europe/Berlin",
    currency: str = "EUR",
    plan: PlanCode = PlanCode.ENTERPRISE,
    hours: Mapping[Weekday, Sequence[tuple[int, int]]] | None = None,
    rate_minor: int | None = 4000,
    **rules: Any,
) -> Venue:
    """Adds a venue that is always open, or at ``hours`` (minutes since midnight).

    ``rules`` are columns of the tenant, as ``min_notice_minutes=0``.
    """
    name = subdomain or f"venue-{next(_numbers)}-{new_id().hex[-6:]}"
    password_hash = await _password_hash()

    async def make(scope: Scope) -> Venue:
        now = scope.now()
        tenant = Tenant(
            name=name.title(),
            subdomain=name,
            time_zone=time_zone,
            currency_code=currency,
            plan_code=plan.value,
            created_at=now,
            **rules,
        )
        await scope.enter(tenant.id)
        await scope.lock()
        scope.add(tenant)
        await scope.flush()
        for day in Weekday:
            times = ALWAYS if hours is None else hours.get(day, ())
            pairs = [list(pair) for pair in times]
            scope.add(WeekdayHours(tenant_id=tenant.id, weekday=day.value, minutes=pairs))
        made = tuple(_room(tenant, number, rate_minor, now) for number in range(1, rooms + 1))
        for room in made:
            scope.add(room)
            await count_room(scope, tenant)
        customers = [_customer(tenant, each, now) for each in ("guest", "other")]
        for customer in customers:
            scope.add(customer)
        await scope.flush()
        people = {role: _person(scope, tenant, role, password_hash, customers[0]) for role in Role}
        await scope.flush()
        for person in people.values():
            scope.add(person.session)
        return Venue(
            tenant,
            made,
            owner=people[Role.OWNER],
            admin=people[Role.ADMIN],
            manager=people[Role.MANAGER],
            staff=people[Role.STAFF],
            guest=people[Role.CUSTOMER],
            customer=customers[0],
            other_customer=customers[1],
        )

    return (await perform(runtime, ANONYMOUS, Request(new_id()), make)).result


async def make_booking(
    runtime: Runtime,
    venue: Venue,
    starts_at: datetime,
    *,
    minutes: int = 60,
    room: Room | None = None,
    customer: Customer | None = None,
    status: Status = Status.CONFIRMED,
    hold_expires_at: datetime | None = None,
    release_at: datetime | None = None,
    reference: str | None = None,
    series: BookingSeries | None = None,
) -> Booking:
    """Adds a booking of the venue's first room for its guest, with nothing of it on the log."""
    room = room or venue.rooms[0]
    ends_at = starts_at + timedelta(minutes=minutes)
    occupied = Range(
        starts_at - timedelta(minutes=room.buffer_before_minutes),
        ends_at + timedelta(minutes=room.buffer_after_minutes),
    )

    async def make(scope: Scope) -> Booking:
        await scope.lock()
        return scope.add(
            Booking(
                tenant_id=venue.tenant.id,
                reference=reference or new_id().hex[-8:].upper(),
                room_id=room.id,
                customer_id=(customer or venue.customer).id,
                status=status.value,
                starts_at=starts_at,
                ends_at=ends_at,
                occupied=occupied,
                hold_expires_at=hold_expires_at,
                release_at=release_at,
                currency_code=venue.tenant.currency_code,
                series_id=series.id if series else None,
                original_starts_at=starts_at if series else None,
                created_at=scope.now(),
                updated_at=scope.now(),
            )
        )

    return (await perform(runtime, venue.owner.actor, Request(new_id()), make)).result


async def make_series(runtime: Runtime, venue: Venue, starts_at: datetime) -> BookingSeries:
    """Adds a weekly series of an hour in the first room for the guest, with no bookings yet."""

    async def make(scope: Scope) -> BookingSeries:
        await scope.lock()
        return scope.add(
            BookingSeries(
                tenant_id=venue.tenant.id,
                rrule="FREQ=WEEKLY;COUNT=3",
                time_zone=venue.tenant.time_zone,
                starts_at=starts_at,
                except_dates=[],
                skipped=[],
                room_id=venue.rooms[0].id,
                customer_id=venue.customer.id,
                duration_minutes=60,
                party_size=1,
                created_at=scope.now(),
                updated_at=scope.now(),
            )
        )

    return (await perform(runtime, venue.owner.actor, Request(new_id()), make)).result


async def make_waitlist_entry(
    runtime: Runtime, venue: Venue, starts_at: datetime, *, hold: Booking | None = None
) -> WaitlistEntry:
    """Adds an entry of the guest for an hour in the first room; ``hold`` is offered for an hour."""

    async def make(scope: Scope) -> WaitlistEntry:
        await scope.lock()
        return scope.add(
            WaitlistEntry(
                tenant_id=venue.tenant.id,
                status=(WaitlistStatus.OFFERED if hold else WaitlistStatus.WAITING).value,
                customer_id=venue.customer.id,
                starts_at=starts_at,
                duration_minutes=60,
                party_size=1,
                room_ids=[venue.rooms[0].id],
                first_start_at=starts_at,
                last_start_at=starts_at,
                hold_id=hold.id if hold else None,
                offer_expires_at=hold.hold_expires_at if hold else None,
                created_at=scope.now(),
                updated_at=scope.now(),
            )
        )

    return (await perform(runtime, venue.owner.actor, Request(new_id()), make)).result


async def make_subscription(runtime: Runtime, venue: Venue, **columns: Any) -> BillingSubscription:
    """Makes a subscription that begins now, unless ``columns`` differ, without log entries."""

    async def make(scope: Scope) -> BillingSubscription:
        await scope.lock()
        billing = scope.service(Billing)  # type: ignore[type-abstract]
        given = {"gateway": billing.name, "begun_at": scope.now(), **columns}
        return scope.add(BillingSubscription(tenant_id=venue.tenant.id, **given))

    return (await perform(runtime, venue.owner.actor, Request(new_id()), make)).result


async def make_export(runtime: Runtime, venue: Venue) -> Export:
    """Adds an export of sales that the owner requested and that failed; nothing is on the log."""

    async def make(scope: Scope) -> Export:
        await scope.lock()
        return scope.add(
            Export(
                tenant_id=venue.tenant.id,
                kind=ExportKind.SALES.value,
                format=ExportFormat.CSV.value,
                status=ExportStatus.FAILED.value,
                failure=ExportFailure.TIMED_OUT.value,
                permissions=[P.ANALYTICS_READ, P.BOOKINGS_READ, P.PAYMENTS_READ],
                created_by_id=venue.owner.user.id,
                created_at=scope.now(),
                ended_at=scope.now(),
                expires_at=scope.now() + timedelta(days=7),
            )
        )

    return (await perform(runtime, venue.owner.actor, Request(new_id()), make)).result


async def make_import(runtime: Runtime, venue: Venue) -> tuple[Import, ImportRow]:
    """Adds an import that the owner made and that failed at its second row; nothing is logged."""

    async def make(scope: Scope) -> tuple[Import, ImportRow]:
        await scope.lock()
        made = scope.add(
            Import(
                tenant_id=venue.tenant.id,
                kind=ImportKind.CUSTOMERS.value,
                format=ImportFormat.CSV.value,
                status=ImportStatus.FAILED.value,
                is_dry_run=False,
                notifies=False,
                overrides=False,
                mapping=[],
                time_zones=[],
                created_by_id=venue.owner.user.id,
                done_rows=1,
                total_rows=2,
                created_count=1,
                failure=ImportFailure.SERVER_ERROR.value,
                failure_detail="The server failed.",
                created_at=scope.now(),
                ended_at=scope.now(),
            )
        )
        await scope.flush()
        row = scope.add(
            ImportRow(
                tenant_id=venue.tenant.id,
                import_id=made.id,
                line=2,
                outcome=ImportOutcome.SKIPPED.value,
                problems=[{"code": "DUPLICATE", "message": "Known.", "column": "Name"}],
            )
        )
        return made, row

    return (await perform(runtime, venue.owner.actor, Request(new_id()), make)).result


async def make_conversation(
    runtime: Runtime, venue: Venue, person: Person
) -> tuple[Conversation, Message, Proposal]:
    """Adds a conversation with an answer, which proposes to book the first room for an hour."""

    async def make(scope: Scope) -> tuple[Conversation, Message, Proposal]:
        await scope.lock()
        of_tenant: Any = {"tenant_id": venue.tenant.id, "created_at": scope.now()}
        begun = scope.add(
            Conversation(
                **of_tenant,
                user_id=person.user.id,
                title="Hello",
                locale="en",
                updated_at=scope.now(),
            )
        )
        await scope.flush()
        of_it: Any = {**of_tenant, "conversation_id": begun.id}
        answer = scope.add(
            Message(**of_it, role="ASSISTANT", text="Hi!", outcome="ANSWERED", provider="LOCAL")
        )
        starts_at = scope.now() + timedelta(days=1, hours=8)
        local = starts_at.astimezone(ZoneInfo(venue.tenant.time_zone))
        proposal = scope.add(
            Proposal(
                **of_it,
                message_id=answer.id,
                kind="BOOKING",
                arguments={
                    "room_id": str(venue.rooms[0].id),
                    "start": f"{local:%Y-%m-%dT%H:%M}",
                    "duration_minutes": 60,
                    "party_size": None,
                    "note": None,
                    "customer_id": None,
                    "customer_name": None,
                },
                summary="Room 1",
                room_id=venue.rooms[0].id,
                starts_at=starts_at,
                ends_at=starts_at + timedelta(hours=1),
                expires_at=scope.now() + timedelta(minutes=10),
            )
        )
        return begun, answer, proposal

    return (await perform(runtime, person.actor, Request(new_id()), make)).result


async def make_webhook(runtime: Runtime, venue: Venue) -> tuple[WebhookEndpoint, WebhookDelivery]:
    """Adds an endpoint of the owner's, and what was sent to it; nothing is on the log."""

    async def make(scope: Scope) -> tuple[WebhookEndpoint, WebhookDelivery]:
        await scope.lock()
        now = scope.now()
        endpoint = WebhookEndpoint(
            tenant_id=venue.tenant.id,
            url="https://hooks.invalid/",
            event_types=["GUEST_LINK_REVOKED"],
            secret="",
            owner_id=venue.owner.user.id,
            created_at=now,
            updated_at=now,
        )
        scope.add(endpoint)
        await scope.flush()
        delivery = WebhookDelivery(
            tenant_id=venue.tenant.id,
            endpoint_id=endpoint.id,
            type="guest_link.revoked",
            event_at=now,
            subject_type="Booking",
            subject_id=new_id(),
            status=DeliveryStatus.DELIVERED.value,
            attempt_count=1,
            delivered_at=now,
            created_at=now,
        )
        return endpoint, scope.add(delivery)

    return (await perform(runtime, venue.owner.actor, Request(new_id()), make)).result


async def make_deliveries(
    runtime: Runtime, venue: Venue, booking: Booking
) -> tuple[NotificationDelivery, NotificationDelivery]:
    """Adds the mails about a booking that were sent to the guest and to the venue's owner."""
    guest, owner = venue.customer.id, venue.owner.user.id

    async def make(scope: Scope) -> tuple[NotificationDelivery, NotificationDelivery]:
        await scope.lock()

        def sent(kind: NotificationKind, to: UUID) -> NotificationDelivery:
            return scope.add(
                NotificationDelivery(
                    tenant_id=venue.tenant.id,
                    kind=kind.value,
                    channel=Channel.EMAIL.value,
                    state=DeliveryState.SENT.value,
                    cause="log 0",
                    recipient_id=to,
                    customer_id=to if to == guest else None,
                    user_id=to if to == owner else None,
                    booking_id=booking.id,
                    attempts=1,
                    provider_id="<1@localhost>",
                    created_at=scope.now(),
                    updated_at=scope.now(),
                    sent_at=scope.now(),
                )
            )

        to_guest = sent(NotificationKind.BOOKING_CONFIRMED, guest)
        return to_guest, sent(NotificationKind.STAFF_BOOKING_CREATED, owner)

    return (await perform(runtime, venue.owner.actor, Request(new_id()), make)).result


def api_id(row: TenantRow | Tenant) -> str:
    """Returns the id that clients know a row by."""
    return encode_id(type(row).__name__, row.id)


def _room(tenant: Tenant, number: int, rate_minor: int | None, now: datetime) -> Room:
    return Room(
        tenant_id=tenant.id,
        name=f"Room {number}",
        capacity=4 * number,
        hourly_rate_minor=rate_minor,
        currency_code=tenant.currency_code,
        created_at=now,
    )


def _customer(tenant: Tenant, name: str, now: datetime) -> Customer:
    email = f"{name}@{tenant.subdomain}.test"
    return Customer(
        tenant_id=tenant.id, name=name.title(), email=email, email_key=email, created_at=now
    )


def _person(
    scope: Scope, tenant: Tenant, role: Role, password_hash: str, customer: Customer
) -> Person:
    now = scope.now()
    email = f"{role.lower()}@{tenant.subdomain}.test"
    user = User(
        tenant_id=tenant.id,
        email=email,
        email_key=email,
        name=role.title(),
        role=role.value,
        password_hash=password_hash,
        customer_id=customer.id if role is Role.CUSTOMER else None,
        email_verified_at=now,
        created_at=now,
    )
    scope.add(user)
    session = Session(tenant_id=tenant.id, user_id=user.id, created_at=now)
    token, _ = scope.service(Tokens).sign(
        tenant_id=tenant.id, user_id=user.id, session_id=session.id, now=now
    )
    return Person(user, token, session)


@cache
def _passwords() -> Passwords:
    return Passwords.cheap()


_hashes: list[str] = []


async def _password_hash() -> str:
    if not _hashes:
        _hashes.append(await _passwords().hash(PASSWORD))
    return _hashes[0]
