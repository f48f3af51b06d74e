"""What of the API is read at once: each root field with all that is selected, but for these.

Whoever adds a field finds it here: declare how it is read, or say why that isn't so.
"""

from collections.abc import Iterator
from typing import Final

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
)

from kit.graphql.field_sources import SOURCE
from tests.kit.graphql.compiler.planning import CORE, read
from tests.kit.graphql.compiler.questions import ID

FIELD_BY_FIELD: Final = {
    "analytics": "added up from figures by date, and hours",
    "assistantUsage": "added up from figures by date",
    "availability": "worked out of hours, bookings and rules",
    "billing": "put together from a plan, a subscription and what is used",
    "blackouts": "whole or refused: its rows are counted before they are shown",
    "demandForecast": "made by a model",
    "demandHints": "drawn from a forecast",
    "explainSlot": "worked out of hours, bookings and rules",
    "guestBooking": "found by a secret, outside of any tenant",
    "guestTicket": "found by a secret, outside of any tenant",
    "hoursExceptions": "whole or refused: its rows are counted before they are shown",
    "notificationPreferences": "in no table: what is left out of them is",
    "notificationSettings": "in no table until a venue has chosen",
    "notificationTemplates": "most of them are in no table",
    "plans": "in no table",
    "platformMetrics": "added up from what happened by date",
    "previewNotification": "written from a template",
    "previewRecurrence": "worked out of a rule, hours and bookings",
    "priceRules": "few rows that are seldom read",
    "pushPublicKey": "in no table",
    "parseBookingRequest": "read by no statement",
    "quote": "worked out of rates and rules",
    "quotas": "few rows that are seldom read",
    "rateLimit": "in no table",
    "searchArticles": "found by functions of the database and a model",
    "suggestTimes": "ranked from what is free",
    "supportSettings": "in no table until a venue has chosen",
    "venue": "found outside of any tenant",
}
"""The root fields that are never read at once, and why."""

IN_PYTHON: Final = {
    "AuditEntry": "actor changes cursor ipAddress requestId subject subjectId type userAgent",
    "BillingSubscription": "nextPlan plan refusesBookingsFrom status takesBookings",
    "Booking": "allowedTransitions amountPaid amountRefunded balanceDue cancellationQuote credit "
    "payment payments pendingMove refunds rooms",
    "BookingChange": "actor changes cursor type",
    "Conversation": "messages",
    "Coupon": "rooms",
    "Customer": "stats undoableMerge",
    "Export": "url",
    "Import": "progress",
    "ImportRow": "problems",
    "InboxEntry": "booking",
    "Message": "citations parts proposals",
    "Proposal": "room state",
    "PriceRule": "amount conditions taxRate unit",
    "Room": "openingHours partOf parts weeklyHours",
    "Tenant": "paymentSettings plan taxSettings usage weeklyHours",
    "Ticket": "booking conversation firstReplyDueAt followUpOf isEscalated resolutionDueAt",
    "User": "permissions",
    "UserSession": "current id",
    "WaitlistEntry": "booking dates position rooms",
    "WebhookDelivery": "attempts subjectId",
    "WebhookEndpoint": "eventTypes",
}
"""The fields that keep a root field from being read at once.

They follow from rules (the life and the money of a booking, opening hours, plans, roles), from
JSON in the log, or from the id of another type.
"""

ARGUMENTS: Final = {
    "analytics": '(span: {from: "2027-03-01", until: "2027-03-02"})',
    "article": f'(id: "{ID}")',
    "assistantUsage": '(span: {from: "2027-03-01", until: "2027-03-02"})',
    "availability": '(query: {from: "2027-03-01T00:00:00Z", to: "2027-03-02T00:00:00Z", '
    "durationMinutes: 60})",
    "blackouts": '(overlaps: {gte: "2027-03-01T00:00:00Z"})',
    "booking": f'(id: "{ID}")',
    "conversation": f'(id: "{ID}")',
    "customer": f'(id: "{ID}")',
    "explainSlot": f'(roomId: "{ID}", start: {{at: "2027-03-01T00:00:00Z"}}, durationMinutes: 60)',
    "guestBooking": '(token: "t")',
    "hoursExceptions": '(from: "2027-03-01", to: "2027-03-02")',
    "import": f'(id: "{ID}")',
    "node": f'(id: "{ID}")',
    "nodes": f'(ids: ["{ID}"])',
    "platformMetrics": '(span: {from: "2027-03-01", until: "2027-03-02"})',
    "previewNotification": "(kind: BOOKING_CONFIRMED, channel: EMAIL)",
    "previewRecurrence": '(rrule: "FREQ=DAILY;COUNT=2", durationMinutes: 60, '
    'start: {date: "2027-03-01", time: "19:00"})',
    "quote": f'(input: {{roomId: "{ID}", start: {{at: "2027-03-01T00:00:00Z"}}, '
    "durationMinutes: 60})",
    "parseBookingRequest": '(text: "Friday")',
    "room": f'(id: "{ID}")',
    "series": f'(id: "{ID}")',
    "searchArticles": '(text: "t")',
    "suggestTimes": '(input: {durationMinutes: 60, firstDate: "2027-03-01"})',
    "guestTicket": '(token: "t")',
    "ticket": f'(id: "{ID}")',
    "venue": '(subdomain: "v")',
}


def all_of(kind: GraphQLNamedType, above: tuple[str, ...] = ()) -> str:
    """Returns a selection of all that can be read at once, each type within itself once."""
    if is_leaf_type(kind):
        return ""
    if isinstance(kind, GraphQLInterfaceType):
        possible = CORE.get_possible_types(kind)
        parts = [f"... on {each.name} {all_of(each, above)}" for each in possible]
    else:
        assert isinstance(kind, GraphQLObjectType)
        parts = [
            f"{name} {all_of(get_named_type(field.type), (*above, kind.name))}"
            for name, field in kind.fields.items()
            if SOURCE in field.extensions and get_named_type(field.type).name not in above
        ]
    return f"{{ __typename {' '.join(parts)} }}"


def read_at_once(kind: GraphQLNamedType, seen: set[str]) -> Iterator[GraphQLObjectType]:
    """Yields all types of objects that are met where only such fields are followed."""
    if kind.name in seen:
        return
    seen.add(kind.name)
    if isinstance(kind, GraphQLInterfaceType):
        for each in CORE.get_possible_types(kind):
            yield from read_at_once(each, seen)
    elif isinstance(kind, GraphQLObjectType):
        yield kind
        for field in kind.fields.values():
            if SOURCE in field.extensions:
                yield from read_at_once(get_named_type(field.type), seen)


def roots() -> dict[str, GraphQLField]:
    assert CORE.query_type is not None
    return dict(CORE.query_type.fields)


@pytest.mark.parametrize("name", sorted(roots().keys() - FIELD_BY_FIELD.keys()))
def test_all_of_a_root_field_is_read_at_once(name: str) -> None:
    selected = all_of(get_named_type(roots()[name].type))

    found = read(f"{{ {name}{ARGUMENTS.get(name, '')} {selected} }}")

    assert found is not None and found.is_whole


@pytest.mark.parametrize("name", FIELD_BY_FIELD)
def test_the_others_are_not_read_at_once(name: str) -> None:
    selected = "" if is_leaf_type(get_named_type(roots()[name].type)) else "{ __typename }"

    assert read(f"{{ {name}{ARGUMENTS.get(name, '')} {selected} }}") is None


def test_the_fields_worked_out_in_python_are_known() -> None:
    seen: set[str] = set()
    found = [
        each
        for name in sorted(roots().keys() - FIELD_BY_FIELD.keys())
        for each in read_at_once(get_named_type(roots()[name].type), seen)
    ]

    left_out = {
        kind.name: " ".join(sorted(n for n, f in kind.fields.items() if SOURCE not in f.extensions))
        for kind in found
    }

    assert {name: fields for name, fields in left_out.items() if fields} == IN_PYTHON
