"""A key with a single permission learns nothing of what that permission doesn't open.

Whatever it asks, by every filter, order and relation of the schema: the answers are the same when
what it may not read is otherwise.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import asyncpg
import pytest
from graphql import (
    GraphQLField,
    build_schema,
    get_named_type,
    is_composite_type,
    is_enum_type,
    is_interface_type,
    is_object_type,
    is_required_argument,
)

from kit.graphql.field_sources import SOURCE, Attribute
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from permissions.reads import FILTERS, ORDERS
from permissions.roles import FOR_KEYS, P, Permission
from schema import schema
from schema.core.fields import NODES
from schema.core.global_ids import read_id
from schema.core.inputs import _INPUTS
from tests.api.accounts.test_api_keys import create as create_key
from tests.architecture.test_isolation import Everything, make_everything
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.factories import Venue

BUILT: Final = build_schema(schema.as_str())
QUERIES: Final = BUILT.type_map["Query"].fields  # type: ignore[attr-defined]
DEPTH: Final = 4
TABLES: Final = {kind.model.__tablename__: name for name, kind in NODES.items()}

# Twice, it is as it was: what was asked for before a change is found after another one.
SWAPPED: Final = str.maketrans("aeiostAB0123456789", "eaoitsBA1032547698")


def otherwise(*columns: str) -> str:
    """Returns SQL that makes other texts of columns, none of them containing what it was."""
    return ", ".join(f"{each} = {swapped(each)}" for each in columns)


def swapped(text: str) -> str:
    letters = "".join(map(chr, SWAPPED))
    return f"translate({text}, '{letters}', '{letters.translate(SWAPPED)}')"


@dataclass(frozen=True, slots=True)
class Secret:
    """Columns of a table, what else they become, and the permissions that show them by themselves.

    ``columns`` are named as the model has them. Changed twice, they are as they were.
    """

    table: str
    columns: tuple[str, ...]
    to: str
    shown_by: frozenset[Permission] = frozenset()
    where: str = "true"


def by(*permissions: Permission) -> frozenset[Permission]:
    return frozenset(permissions)


SECRETS: Final = (
    Secret(
        "customers",
        ("email", "phone"),
        otherwise("email", "email_key", "phone", "phone_search"),
    ),
    Secret(
        "customers",
        ("name", "locale"),
        otherwise("name", "name_search", "locale"),
        by(P.CUSTOMERS_READ),
    ),
    Secret("customers", ("notes",), otherwise("notes")),
    Secret("customers", ("tags",), f"tags = ({swapped('tags::text')})::text[]"),
    Secret(
        "bookings",
        ("reference", "party_size", "note", "breakdown"),
        f"party_size = 3 - party_size, {otherwise('reference', 'note')}",
        by(P.BOOKINGS_READ),
    ),
    Secret(
        "booking_series",
        ("rrule", "duration_minutes", "party_size"),
        f"duration_minutes = 97 - duration_minutes, party_size = 3 - party_size, "
        f"{otherwise('rrule')}",
        by(P.BOOKINGS_READ),
    ),
    Secret(
        "waitlist_entries",
        ("duration_minutes", "party_size"),
        "duration_minutes = 97 - duration_minutes, party_size = 3 - party_size",
        by(P.BOOKINGS_READ),
    ),
    Secret("bookings", ("contact_name",), otherwise("contact_name")),
    Secret("bookings", ("contact_phone",), otherwise("contact_phone")),
    Secret(
        "users",
        ("name", "email", "role"),
        otherwise("name", "email"),
        by(P.USERS_READ),
    ),
    Secret("api_keys", ("name", "prefix", "permissions"), otherwise("name")),
    Secret(
        "rooms",
        ("buffer_before_minutes", "buffer_after_minutes"),
        "buffer_after_minutes = 1 - buffer_after_minutes",
        # A booking and a slot show their room.
        by(P.ROOMS_READ, P.BOOKINGS_READ, P.AVAILABILITY_READ),
    ),
    Secret(
        "tickets",
        ("subject", "status", "priority", "rating", "rating_comment", "number", "is_verified"),
        otherwise("subject"),
        by(P.SUPPORT_READ),
    ),
    Secret(
        "ticket_messages",
        ("text", "from_address"),
        otherwise("text"),
        by(P.SUPPORT_READ),
    ),
    Secret("canned_replies", ("title", "text"), otherwise("text"), by(P.SUPPORT_READ)),
    Secret("price_rules", ("label",), otherwise("label"), by(P.PRICES_READ)),
    Secret(
        "booking_quotas",
        ("measure", "period", "limit"),
        '"limit" = 19 - "limit"',
        by(P.BOOKINGS_MANAGE),
    ),
    Secret("booking_quotas", ("tag",), otherwise("tag")),
    Secret(
        "coupons",
        (
            "code",
            "amount",
            "percent",
            "free_minutes",
            "valid_from",
            "valid_until",
            "first_date",
            "last_date",
            "first_booking_only",
            "total_limit",
            "per_customer_limit",
            "archived_at",
        ),
        f"percent = 21 - percent, total_limit = 7 - total_limit, {otherwise('code')}",
        by(P.BOOKINGS_MANAGE),
    ),
    Secret(
        "articles",
        ("title", "body", "locale", "tags"),
        otherwise("title", "title_search", "body"),
        by(P.ARTICLES_READ),
    ),
    Secret("imports", ("failure_detail",), otherwise("failure_detail"), by(P.IMPORTS_READ)),
    Secret(
        "webhook_endpoints",
        ("url", "description", "query"),
        otherwise("url"),
        by(P.WEBHOOKS_READ),
    ),
    Secret("webhook_deliveries", ("type",), otherwise("type"), by(P.WEBHOOKS_READ)),
    Secret("blackouts", ("reason",), otherwise("reason"), by(P.HOURS_READ)),
    Secret("hours_exceptions", ("reason",), otherwise("reason"), by(P.HOURS_READ)),
    Secret(
        "tenants",
        ("plan_code",),
        "plan_code = CASE plan_code WHEN 'starter' THEN 'enterprise' ELSE 'starter' END",
        by(P.BILLING_READ),
        where="false",
    ),
    Secret(
        "log",
        ("before", "after"),
        "after = coalesce(jsonb_set(after, '{party_size}', "
        "to_jsonb(3 - (after ->> 'party_size')::int), false), after)",
    ),
    Secret("log", ("reason",), otherwise("reason"), by(P.AUDIT_READ)),
)

# Anybody sees them on the venue's page, or they say no more than that there is a row.
PLAIN: Final = {
    "ApiKey": {"created_at", "expires_at", "revoked_at", "last_used_at"},
    "Article": {"published_at", "archived_at", "version", "created_at", "updated_at"},
    "BillingSubscription": {
        "period_start", "period_end", "trial_ends_at", "cancels_at_period_end", "overdue_since",
        "ended_at", "version",
    },
    "Blackout": {"starts_at", "ends_at"},
    "Booking": {
        "version", "starts_at", "ends_at", "original_starts_at", "hold_expires_at",
        "approval_expires_at", "release_at", "created_at", "updated_at",
    },
    "BookingQuota": {"version", "created_at"},
    "PriceRule": {"version", "created_at"},
    "BookingSeries": {"version", "time_zone", "starts_at", "except_dates"},
    "CalendarFeed": {"created_at", "revoked_at"},
    "Coupon": {"version", "created_at"},
    # Nobody but the person who began it can read it.
    "Conversation": {"title", "locale", "created_at", "updated_at"},
    "Message": {"text", "model", "is_helpful", "created_at"},
    "Proposal": {"summary", "starts_at", "ends_at", "expires_at", "decided_at", "price"},
    "Customer": {"version", "created_at"},
    "Export": {
        "span_from", "span_until", "progress", "row_count", "created_at", "ended_at", "expires_at",
    },
    "HoursException": {"date", "intervals"},
    "InboxEntry": {"title", "body", "created_at", "read_at"},
    "PushSubscription": {"created_at"},
    "Import": {
        "is_dry_run", "notifies", "total_rows", "created_count", "updated_count", "skipped_count",
        "error_count", "undone_count", "created_at", "ended_at", "undone_at",
    },
    "ImportRow": {"line"},
    "NotificationDelivery": {
        "kind", "channel", "state", "reason", "attempts", "provider_id", "delivered_at",
        "created_at", "updated_at", "sent_at",
    },
    "NotificationSettings": {
        "switches", "reminders", "quiet_hours", "digest_time", "sender_name", "reply_to",
        "booking_page", "version",
    },
    "Room": {
        "name", "description", "category", "capacity", "color", "seats", "archived_at", "version",
    },
    "SupportSettings": {"targets", "close_after_days", "takes_guest_tickets", "version"},
    "CannedReply": {"version", "created_at", "updated_at"},
    "Ticket": {
        "first_replied_at", "version", "created_at", "updated_at", "solved_at", "closed_at",
    },
    "TicketMessage": {
        "author_kind", "is_internal", "channel", "attachment_count", "created_at",
    },
    "Tenant": {
        "name",
        "subdomain",
        "time_zone",
        "currency_code",
        "brand_color",
        "logo_url",
        "version",
        "created_at",
    },
    "WaitlistEntry": {"status", "starts_at", "offer_expires_at", "created_at", "updated_at"},
    "WebhookDelivery": {
        "event_at", "attempt_count", "next_attempt_at", "delivered_at", "created_at",
    },
    "WebhookEndpoint": {
        "disabled_at", "failing_since", "old_secret_until", "version", "created_at",
    },
    "User": {"email_verified_at", "last_login_at", "deactivated_at", "created_at"},
}  # fmt: skip

# What is shown of it depends on what was asked before, or is asked with a login or a link.
# Analytics are counted a while after what they count.
APART: Final = {
    "rateLimit",
    "guestBooking",
    "guestTicket",
    "viewer",
    "sessions",
    "node",
    "analytics",
}


async def test_a_single_permission_opens_nothing_else(
    api: Api, runtime: Runtime, clock: StoppedClock, database: DatabaseUrls
) -> None:
    everything = await world(api, runtime, clock, database)
    differing: list[tuple[Permission, Any]] = []
    for permission in sorted(FOR_KEYS):
        answer = await create_key(api, everything.venue.owner.token, permission)
        key = answer.payload["secret"]
        asked = list(questions(everything, permission))
        before = [shown((await api(*each, token=key)).body) for each in asked]

        hidden = [each for each in SECRETS if permission not in each.shown_by]
        await change(database, everything.venue, *hidden)

        after = [shown((await api(*each, token=key)).body) for each in asked]
        differing += [
            (permission, question)
            for question, first, second in zip(asked, before, after, strict=True)
            if first != second
        ]

    assert [(each, text) for each, (text, _) in differing] == []


async def test_a_change_of_a_secret_is_seen_by_whoever_may(
    api: Api, runtime: Runtime, clock: StoppedClock, database: DatabaseUrls
) -> None:
    everything = await world(api, runtime, clock, database)
    # Each node has a question of its own, and the log has this one.
    asked = [
        each
        for each in questions(everything, None, probing=False)
        if "nodes(ids:" in each[0] or "auditLog(" in each[0]
    ]
    token = everything.venue.owner.token

    async def ask(question: tuple[str, dict[str, Any]]) -> Any:
        return shown((await api(*question, token=token)).body)

    before = [(each, await ask(each)) for each in asked]
    for secret in SECRETS:
        if secret.where == "false":
            continue
        await change(database, everything.venue, secret)
        fragment = f"... on {TABLES.get(secret.table)} "
        # What shows it most likely is asked first, and the rest only if that doesn't.
        before.sort(key=lambda each: fragment not in each[0][0])
        for question, was in before:
            if await ask(question) != was:
                break
        else:
            pytest.fail(f"nothing shows {secret}")
        await change(database, everything.venue, secret)

    assert [await ask(question) for question, _ in before] == [was for _, was in before]


def test_each_column_is_a_secret_or_plain() -> None:
    secret = {
        (TABLES[each.table], column)
        for each in SECRETS
        if each.table in TABLES
        for column in each.columns
    }

    undecided = [
        (name, reading.name)
        for name in NODES
        for field in schema._schema.type_map[name].fields.values()  # type: ignore[attr-defined]
        if isinstance(reading := field.extensions.get(SOURCE), Attribute)
        if (name, reading.name) not in secret and reading.name not in PLAIN[name]
    ]

    assert undecided == []


def test_each_filter_and_order_says_what_it_needs() -> None:
    used = {
        get_named_type(argument.type).name
        for kind in BUILT.type_map.values()
        if is_object_type(kind) and kind.name != "Mutation"
        for field in kind.fields.values()
        for argument in field.args.values()
    }
    by_name = {made.__name__: input_type for input_type, made in _INPUTS.items()}

    filters = {name for name in used if name.endswith("Filter")}
    orders = {name for name in used if name.endswith("Order")}

    assert filters == {input_type.__name__ for input_type in FILTERS}
    assert orders == {input_type.__name__ for input_type in ORDERS}
    for name in filters:
        input_type = by_name[name]
        assert FILTERS[input_type].keys() == {each.name for each in fields(input_type)}, name
    for name in orders:
        (field,) = [each for each in fields(by_name[name]) if each.name == "field"]
        assert ORDERS[by_name[name]].keys() == set(field.type), name  # type: ignore[arg-type]


# ------------------------------------------------------------------------------ what is asked


def questions(
    everything: Everything, permission: Permission | None, *, probing: bool = True
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields each root field that the permission, or none, opens; a list by each filter and order.

    Without a permission, all root fields.
    """
    for name, field in QUERIES.items():
        if name == "nodes":
            yield from _of_nodes(list(everything.ids), permission)
            continue
        if name in APART or not _is_open(field, permission):
            continue
        required = {
            argument: _given(everything, name, argument, get_named_type(each.type).name)
            for argument, each in field.args.items()
            if is_required_argument(each)
        }
        for also in [{}, *(_probes(field, everything) if probing else ())]:
            given = {**required, **also}
            if "first" in field.args:
                given["first"] = 5
            declared = ", ".join(f"${each}: {field.args[each].type}" for each in given)
            passed = ", ".join(f"{each}: ${each}" for each in given)
            arguments = (f"({declared})", f"({passed})") if given else ("", "")
            selected = _selection(field, DEPTH)
            yield f"query {arguments[0]} {{ {name}{arguments[1]} {selected} }}", given


_OTHER_TYPES: Final = {"explainSlot": "Room", "series": "BookingSeries"}
"""The type of an id that isn't called as the root field is."""


def _given(everything: Everything, root: str, argument: str, kind: str) -> Any:
    """Returns values for the required arguments of a root field."""
    match kind:
        case "ID":
            return _id_of(everything, _OTHER_TYPES.get(root, root.title()))
        case "String":
            return everything.venue.tenant.subdomain
        case "Date":
            return "2027-03-08" if argument == "to" else "2027-03-05"
        case "DateTimeRange":
            return {"gte": "2027-03-01T00:00:00Z", "lt": "2027-03-08T00:00:00Z"}
        case "AvailabilityQuery":
            from_, to = "2027-03-02T08:00:00Z", "2027-03-02T12:00:00Z"
            return {"from": from_, "to": to, "durationMinutes": 60}
        case "QuoteInput":
            room_id = _id_of(everything, "Room")
            return {
                "roomId": room_id,
                "start": {"at": "2027-03-02T08:00:00Z"},
                "durationMinutes": 60,
            }
        case "SuggestTimesInput":
            return {"firstDate": "2027-03-05", "durationMinutes": 60}
        case "LocalStartInput":
            return {"date": "2027-03-05", "time": "10:00"}
        case "DateSpan":
            return {"from": "2027-03-01", "until": "2027-03-08"}
        case "RRule":
            return "FREQ=WEEKLY;BYDAY=FR;COUNT=3"
        case "StartInput":
            return {"at": "2027-03-02T08:00:00Z"}
        case "NotificationKind":
            return "BOOKING_CONFIRMED"
        case "Channel":
            return "SMS"
        case "Int":
            return 60
        case _:
            raise LookupError(f"{root}({argument}:) is told nothing yet")


def both(*texts: str) -> list[str]:
    """Returns the responses before and after a change."""
    return [form for each in texts for form in (each, each.translate(SWAPPED))]


def _probes(field: GraphQLField, everything: Everything) -> Iterator[dict[str, Any]]:
    venue = everything.venue
    values: dict[str, list[Any]] = {
        "search": both(str(venue.customer.email), "Guest", "30 5678", "Window", "Room"),
        "email": both(str(venue.customer.email)),
        "phone": both("+49305678"),
        "tag": both("regular"),
        "customerId": [{"eq": _id_of(everything, "Customer")}],
        "roomId": [{"eq": _id_of(everything, "Room")}],
        "userId": [_id_of(everything, "User")],
        "subjectId": [everything.booking],
        "status": [{"eq": "CONFIRMED"}],
        "statuses": [["WAITING"]],
        "TicketFilter.statuses": [["NEW"]],
        "priorities": [["NORMAL"]],
        "assigneeId": [{"eq": _id_of(everything, "User")}],
        "unassigned": [True],
        "DeliveryFilter.statuses": [["SENT"]],
        "kinds": [["BOOKING_CONFIRMED"]],
        "channels": [["EMAIL"]],
        "bookingId": [{"eq": everything.booking}],
        "types": [["BOOKING_UPDATED"]],
        "eventTypes": [["ROOM_UPDATED"]],
        "category": ["Karaoke"],
        "minCapacity": [2],
        "archived": [False],
    }
    times = [{"gte": "2027-03-01T00:00:00Z", "lt": "2027-03-08T00:00:00Z"}]
    for name, argument in field.args.items():
        kind: Any = get_named_type(argument.type)
        if name == "filter":
            for part, inner in kind.fields.items():
                is_range = get_named_type(inner.type).name == "DateTimeRange"
                of_kind = f"{kind.name}.{part}"
                known = of_kind if of_kind in values else part
                for value in times if is_range else values[known]:
                    yield {"filter": {part: value}}
        elif name == "orderBy":
            for key in kind.fields["field"].type.of_type.values:
                for direction in ("ASC", "DESC"):
                    yield {"orderBy": [{"field": key, "direction": direction}]}


def _of_nodes(
    ids: list[str], permission: Permission | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", {"ids": ids}
    for name, kind in NODES.items():
        if permission in (None, kind.requires):
            selected = _selection_of(BUILT.type_map[name], DEPTH - 2, (name,))
            text = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {name} {selected} }} }}"
            yield text, {"ids": ids}


def _selection(field: GraphQLField, depth: int) -> str:
    kind = get_named_type(field.type)
    return _selection_of(kind, depth, (kind.name,)) if is_composite_type(kind) else ""


def _selection_of(kind: Any, depth: int, path: tuple[str, ...]) -> str:
    """Returns all fields that need no arguments, but for places in lists and in the log."""
    selected = ["__typename"]
    if is_object_type(kind) or is_interface_type(kind):
        for name, field in kind.fields.items():
            inner = get_named_type(field.type)
            if inner.name in ("EventCursor", *path) or name in ("edges", "pageInfo"):
                continue
            if any(map(is_required_argument, field.args.values())):
                continue
            if not is_composite_type(inner) or is_enum_type(inner):
                selected.append(name)
            elif depth > 1:
                below = _selection_of(inner, depth - 1, (*path, inner.name))
                few = "(first: 3)" if "first" in field.args else ""
                selected.append(f"{name}{few} {below}")
    return f"{{ {' '.join(selected)} }}"


def _is_open(field: GraphQLField, permission: Permission | None) -> bool:
    node: Any = field.ast_node
    (directive,) = [each for each in node.directives if each.name.value == "permission"]
    needed = directive.arguments[0].value.value
    # What is for everybody is the same with each of them.
    return permission in (None, needed) or (needed, permission) == (P.PUBLIC, P.TENANT_READ)


def shown(body: Mapping[str, Any]) -> Any:
    """Returns the response without its cost and request id."""
    errors = [
        (each["extensions"]["code"], each.get("path"), each["message"])
        for each in body.get("errors", ())
    ]
    assert not {"INTERNAL", "GRAPHQL_VALIDATION_FAILED", "TOO_COMPLEX", "BAD_USER_INPUT"} & {
        code for code, _, _ in errors
    }, errors
    return body["data"], errors


# ------------------------------------------------------------------------------ what there is


async def world(
    api: Api, runtime: Runtime, clock: StoppedClock, database: DatabaseUrls
) -> Everything:
    """Returns a venue with an object of every type, each with something to hide."""
    everything = await make_everything(runtime, api, clock)
    token = everything.venue.staff.token
    customer = {"phone": "+49 30 5678", "notes": "Window seat", "locale": "de"}
    update = """mutation ($id: ID!, $input: UpdateCustomerInput!) {
        updateCustomer(id: $id, version: 1, input: $input) { userErrors { code } } }"""
    given = {"id": _id_of(everything, "Customer"), "input": customer}
    assert (await api(update, given, token=token)).refusals == []
    tag = """mutation ($id: ID!) { tagCustomer(id: $id, version: 2, tags: ["Regular"]) {
        userErrors { code } } }"""
    assert (await api(tag, {"id": given["id"]}, token=token)).refusals == []
    note = """mutation ($id: ID!) { updateBooking(id: $id, version: 1, input: {
        note: "Window seat", partySize: 2 }) { userErrors { code } } }"""
    assert (await api(note, {"id": everything.booking}, token=token)).refusals == []
    await change(
        database,
        everything.venue,
        Secret("bookings", (), "contact_name = 'Gustav', contact_phone = '+49 30 1234'"),
        *(
            Secret(table, (), "reason = 'Repairs'")
            for table in ("blackouts", "hours_exceptions", "log")
        ),
    )
    return everything


async def change(database: DatabaseUrls, venue: Venue, *secrets: Secret) -> None:
    """Changes hidden values directly in the database."""
    connection = await asyncpg.connect(str(database.owner))
    try:
        for each in secrets:
            key = "id" if each.table == "tenants" else "tenant_id"
            await connection.execute(
                f"UPDATE {each.table} SET {each.to} WHERE {key} = $1 AND {each.where}",
                venue.tenant.id,
            )
    finally:
        await connection.close()


def _id_of(everything: Everything, kind: str) -> str:
    return next(id for id in everything.ids if _type_of(id) == kind)


def _type_of(id: str) -> str:
    return read_id(id)[0]
