"""An id of another tenant gets the same response as an unknown id, in every argument."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
import pytest_asyncio
from graphql import build_schema

from domain.bookings.lifecycle import Status
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.security.tokens import Link, Links
from models.core.base import TenantRow
from models.tenants import Tenant
from schema import schema
from schema.core.fields import NODES
from schema.core.global_ids import encode_id, read_id
from tests.architecture.operations import Place, operation, places
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.factories import (
    Person,
    Venue,
    api_id,
    make_booking,
    make_conversation,
    make_deliveries,
    make_export,
    make_import,
    make_series,
    make_subscription,
    make_venue,
    make_waitlist_entry,
    make_webhook,
)
from tests.support.inboxes import browser_keys, make_inbox_entry
from tests.support.scripted_model import scripted
from tests.support.tickets import make_support, make_ticket

BUILT: Final = build_schema(schema.as_str())
PLACES: Final = list(places(BUILT))
START: Final = {"at": "2027-03-02T15:00:00Z"}

MAKE_EXCEPTION: Final = """
    mutation ($input: SetHoursExceptionInput!) {
      setHoursException(input: $input) { exception { id } userErrors { message } }
    }
"""
MAKE_API_KEY: Final = """
    mutation ($input: CreateApiKeyInput!) {
      createApiKey(input: $input) { apiKey { id } userErrors { message } }
    }
"""
MAKE_BLACKOUT: Final = """
    mutation ($input: CreateBlackoutInput!) {
      createBlackout(input: $input) { blackout { id } userErrors { message } }
    }
"""
MAKE_COUPON: Final = """
    mutation ($input: CreateCouponInput!) {
      createCoupon(input: $input) { coupon { id } userErrors { message } }
    }
"""
MAKE_ARTICLE: Final = """
    mutation ($input: CreateArticleInput!) {
      createArticle(input: $input) { article { id } userErrors { message } }
    }
"""
MAKE_FEED: Final = """
    mutation ($input: CreateCalendarFeedInput!) {
      createCalendarFeed(input: $input) { feed { id } userErrors { message } }
    }
"""
SET_NOTIFICATIONS: Final = """
    mutation ($input: UpdateNotificationSettingsInput!) {
      updateNotificationSettings(version: 1, input: $input) {
        settings { id } userErrors { message }
      }
    }
"""
MAKE_QUOTA: Final = """
    mutation ($input: CreateQuotaInput!) {
      createQuota(input: $input) { quota { id } userErrors { message } }
    }
"""
MAKE_PRICE_RULE: Final = """
    mutation ($input: CreatePriceRuleInput!) {
      createPriceRule(input: $input) { priceRule { id } userErrors { message } }
    }
"""

REGISTER_PUSH: Final = """
    mutation ($input: RegisterPushSubscriptionInput!) {
      registerPushSubscription(input: $input) {
        pushSubscription { id } userErrors { message }
      }
    }
"""


@dataclass(frozen=True, slots=True)
class Everything:
    """A venue with an object of every type; ``ids`` are all of them, two of them bookings."""

    venue: Venue
    booking: str
    hold: str
    link: str
    proposal: str
    ids: tuple[str, ...]


async def make_everything(runtime: Runtime, api: Api, clock: StoppedClock) -> Everything:
    venue = await make_venue(runtime, min_notice_minutes=0)
    scripted(runtime)
    start = clock.now.replace(day=2, hour=10)
    series = await make_series(runtime, venue, start)
    booking = await make_booking(runtime, venue, start, series=series)
    held = await make_booking(
        runtime,
        venue,
        start.replace(hour=20),
        status=Status.HELD,
        hold_expires_at=clock.now.replace(hour=23),
    )
    token = venue.owner.token
    room = api_id(venue.rooms[1])
    day = {"roomId": room, "date": "2027-03-05", "intervals": []}
    night = {"roomId": room, "startsAt": "2027-03-02T01:00:00Z", "endsAt": "2027-03-02T02:00:00Z"}
    exception = await api(MAKE_EXCEPTION, {"input": day}, token=token)
    blackout = await api(MAKE_BLACKOUT, {"input": night}, token=token)
    weekly = {"measure": "BOOKINGS", "period": "WEEK", "limit": 9, "tag": "regular"}
    peak = {
        "label": "Peak",
        "amount": {"amount": "50.00", "currencyCode": "EUR"},
        "taxRate": "7",
        "conditions": {"startsAt": "18:00", "endsAt": "20:00", "customerTag": "regular"},
    }
    rule = await api(MAKE_PRICE_RULE, {"input": peak}, token=token)
    quota = await api(MAKE_QUOTA, {"input": weekly}, token=token)
    tenth = {"code": "TENTH", "discount": {"percent": 10}, "totalLimit": 3, "roomIds": [room]}
    coupon = await api(MAKE_COUPON, {"input": tenth}, token=token)
    parking = {"title": "Parking", "body": "Two places behind the house.", "locale": "en"}
    article = await api(MAKE_ARTICLE, {"input": parking}, token=token)
    busy = {"roomId": room, "detail": "BUSY"}
    feed = await api(MAKE_FEED, {"input": busy}, token=token)
    signed = {"replyTo": "desk@venue.test", "senderName": "The desk", "digestTime": "07:00"}
    notifications = await api(SET_NOTIFICATIONS, {"input": signed}, token=token)
    program = {"name": "Program", "permissions": ["rooms:read"]}
    api_key = await api(MAKE_API_KEY, {"input": program}, token=token)
    rows: tuple[Tenant | TenantRow, ...] = (
        venue.tenant,
        *venue.rooms,
        venue.customer,
        venue.staff.user,
        venue.owner.user,
        series,
        booking,
        held,
        # For the time of the booking, so that nothing is offered meanwhile.
        await make_waitlist_entry(runtime, venue, start),
        await make_subscription(runtime, venue),
        await make_export(runtime, venue),
        *await make_import(runtime, venue),
        *(conversation := await make_conversation(runtime, venue, venue.owner)),
        *await make_webhook(runtime, venue),
        *await make_deliveries(runtime, venue, booking),
        *await make_ticket(runtime, venue, booking),
        *await make_support(runtime, venue),
    )
    inbox_entry = await make_inbox_entry(runtime, venue.owner)
    browser = {"endpoint": f"https://push.example.com/{new_id()}", **browser_keys()[2]}
    push = await api(REGISTER_PUSH, {"input": browser}, token=token)
    ids = (
        *(api_id(row) for row in rows),
        exception.payload["exception"]["id"],
        blackout.payload["blackout"]["id"],
        quota.payload["quota"]["id"],
        coupon.payload["coupon"]["id"],
        article.payload["article"]["id"],
        feed.payload["feed"]["id"],
        rule.payload["priceRule"]["id"],
        notifications.payload["settings"]["id"],
        api_key.payload["apiKey"]["id"],
        encode_id("Session", venue.owner.session.id),
        encode_id("InboxEntry", inbox_entry),
        push.payload["pushSubscription"]["id"],
    )
    links = runtime.services[Links]
    assert isinstance(links, Links)
    link = links.sign(Link(venue.tenant.id, booking.id))
    return Everything(venue, api_id(booking), api_id(held), link, api_id(conversation[2]), ids)


def others(place: Place, own: Everything) -> Mapping[str, Any]:
    """Returns the other arguments that a mutation needs before it uses the id."""
    slot = {"start": START, "durationMinutes": 60}
    match str(place):
        case "createBooking(input.roomId:)":
            return slot
        case "createBooking(input.alsoRoomIds:)" | "holdBooking(input.alsoRoomIds:)":
            return {**slot, "roomId": api_id(own.venue.rooms[0])}
        case "createBooking(input.customer.id:)":
            return {**slot, "roomId": api_id(own.venue.rooms[0])}
        case "updateBooking(input.customer.id:)" | "rescheduleBooking(input.roomId:)":
            return {"id": own.booking}
        case "holdAsGuest(input.roomId:)":
            return {**slot, "subdomain": own.venue.tenant.subdomain}
        case "bookAsGuest(input.roomId:)":
            guest = {"name": "Guest", "email": "guest@example.test"}
            return {**slot, "subdomain": own.venue.tenant.subdomain, "customer": guest}
        case "rescheduleGuestBooking(input.roomId:)":
            return {"token": own.link}
        case "joinWaitlist(input.roomIds:)":
            return {**slot, "customer": {"id": api_id(own.venue.customer)}}
        case "joinWaitlist(input.customer.id:)":
            return slot
        case "mergeCustomers(keepId:)":
            return {"mergeId": api_id(own.venue.other_customer)}
        case "mergeCustomers(mergeId:)":
            return {"keepId": api_id(own.venue.other_customer)}
        case "swapBookings(firstId:)":
            return {"secondId": own.hold}
        case "swapBookings(secondId:)":
            return {"firstId": own.hold}
        case "replyToTicket(input.cannedReplyId:)" | "assignTicket(input.assigneeId:)":
            return {"id": next(each for each in own.ids if read_id(each)[0] == "Ticket")}
        case "replyToTicket(id:)":
            return {"text": "Hello"}
        case "confirmProposal(input.customerId:)":
            return {"id": own.proposal}
        case "createImport(input.roomId:)":
            return {"kind": "BOOKINGS"}
        case "suggestTimes(input.roomIds:)" | "suggestTimes(input.customerId:)":
            return {"firstDate": "2027-03-05", "durationMinutes": 60}
        case "analytics(filter.roomIds:)":
            return {"span": {"from": "2027-03-01", "until": "2027-03-08"}}
        case _:
            return {}


def unknown(id: str) -> str:
    type_name, _ = read_id(id)
    return encode_id(type_name, new_id())


async def test_an_object_of_every_type_is_tried(
    runtime: Runtime, api: Api, clock: StoppedClock
) -> None:
    everything = await make_everything(runtime, api, clock)

    # A session has an id, and is no node.
    tried = {read_id(id)[0] for id in everything.ids}
    assert tried == {*NODES, "Session"}, (
        "make_everything lacks an object of a type, or has one more"
    )


_FOREIGN: Final[dict[str, Everything]] = {}


@pytest_asyncio.fixture
async def foreign(
    database: DatabaseUrls, runtime: Runtime, api: Api, clock: StoppedClock
) -> Everything:
    """Another tenant's venue, one for all tests: none may change it."""
    if database.app not in _FOREIGN:
        _FOREIGN[database.app] = await make_everything(runtime, api, clock)
    return _FOREIGN[database.app]


async def test_a_foreign_id_is_an_unknown_id_to_every_query(
    foreign: Everything, runtime: Runtime, api: Api, clock: StoppedClock
) -> None:
    own = await make_everything(runtime, api, clock)
    for place in PLACES:
        if place.root == "Query":
            await compare(api, place, foreign, own)


@pytest.mark.parametrize(
    "mutation", sorted({each.field for each in PLACES if each.root == "Mutation"})
)
async def test_a_foreign_id_is_an_unknown_id_to_every_mutation(
    mutation: str, foreign: Everything, runtime: Runtime, api: Api, clock: StoppedClock
) -> None:
    for place in PLACES:
        if place.field == mutation:
            await compare(api, place, foreign, await make_everything(runtime, api, clock))


async def test_to_a_guest_another_guests_id_is_an_unknown_id(
    runtime: Runtime, api: Api, clock: StoppedClock
) -> None:
    everything = await make_everything(runtime, api, clock)
    venue = everything.venue
    booking = await make_booking(
        runtime, venue, clock.now.replace(day=2, hour=15), customer=venue.other_customer
    )

    for place in PLACES:
        for id in (api_id(booking), api_id(venue.other_customer)):
            to_foreign = await ask(api, place, id, everything, by=venue.guest)
            to_unknown = await ask(api, place, unknown(id), everything, by=venue.guest)
            assert to_foreign == to_unknown, place

    viewer = await api("{ viewer { role } }", token=venue.guest.token)
    assert viewer.payload == {"role": "CUSTOMER"}


async def compare(api: Api, place: Place, foreign: Everything, own: Everything) -> None:
    """Compares the responses to the owner for a foreign and an unknown id of each type."""
    of_each_type = {read_id(id)[0]: id for id in foreign.ids}
    unknown_ids = {type_name: unknown(id) for type_name, id in of_each_type.items()}
    to_unknown = {name: await ask(api, place, id, own) for name, id in unknown_ids.items()}
    to_foreign = {name: await ask(api, place, id, own) for name, id in of_each_type.items()}

    assert to_foreign == to_unknown, place
    for id in own.ids:
        if await ask(api, place, id, own) != to_unknown[read_id(id)[0]]:
            return
    pytest.fail(f"the id makes no difference to {place}: others() lacks something")


async def ask(api: Api, place: Place, id: str, own: Everything, *, by: Person | None = None) -> Any:
    """Returns the response to the owner, or to ``by``, without values that are new each time."""
    document, variables = operation(BUILT, place, id, others=others(place, own))
    answer = await api(document, variables, token=(by or own.venue.owner).token)
    assert answer.status == 200, answer.body
    return {**answer.body, "extensions": None}
