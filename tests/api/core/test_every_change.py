"""Every mutation logs its event once, and raises the calendar's version if it changes its facts.

A refused one logs nothing.
"""

from datetime import timedelta
from string import Template
from typing import Any

import asyncpg
import pytest

from domain.bookings.lifecycle import Status
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.security.tokens import Link, Links
from schema import schema
from tests.api.accounts.accounts import last_code
from tests.support.client import Api
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import (
    Venue,
    api_id,
    make_booking,
    make_conversation,
    make_series,
    make_venue,
    make_waitlist_entry,
)
from tests.support.inboxes import browser_keys, make_inbox_entry

TYPES = "{ auditLog(first: 250) { nodes { type } } }"
TOMORROW = MONDAY_MORNING + timedelta(days=1)
SLOT = (
    'roomId: "$room", start: { at: "2027-03-04T10:00:00Z" }, durationMinutes: 60, '
    'customer: { id: "$customer" }'
)
AS_GUEST = (
    'subdomain: "$subdomain", roomId: "$room", start: { at: "2027-03-04T10:00:00Z" }, '
    "durationMinutes: 60"
)
NEW_CUSTOMER = SLOT.replace('{ id: "$customer" }', '{ new: { name: "Somebody" } }')

CHANGES = [
    (
        'acceptWaitlistOffer(id: "$offered")',
        ["WAITLIST_ACCEPTED", "BOOKING_CREATED"],
    ),
    (
        'addOccurrence(seriesId: "$series", version: 1, start: { at: "2027-03-09T10:00:00Z" })',
        ["BOOKING_CREATED"],
    ),
    ('archiveRoom(id: "$room", version: 1)', ["ROOM_ARCHIVED"]),
    (
        f'bookAsGuest(input: {{ {AS_GUEST}, customer: {{ name: "Gus", email: "g@b.test" }} }})',
        ["BOOKING_HELD", "CUSTOMER_CREATED"],
    ),
    ('cancelBooking(id: "$confirmed", version: 1, input: {})', ["BOOKING_CANCELLED"]),
    ('cancelGuestBooking(version: 1, input: { token: "$link" })', ["BOOKING_CANCELLED"]),
    ('changeUserRole(id: "$staff", role: MANAGER)', ["USER_ROLE_CHANGED"]),
    ('checkInBooking(id: "$present", version: 1)', ["BOOKING_CHECKED_IN"]),
    ('completeBooking(id: "$checked_in", version: 1)', ["BOOKING_COMPLETED"]),
    ('confirmBooking(id: "$pending", version: 1)', ["BOOKING_CONFIRMED"]),
    (
        'confirmProposal(id: "$proposal", input: { customerId: "$customer" })',
        ["BOOKING_CREATED"],
    ),
    ('confirmGuestBooking(input: { token: "$mailed" })', ["BOOKING_CREATED"]),
    (
        'createApiKey(input: { name: "Door panel", permissions: ["rooms:read"] })',
        ["API_KEY_CREATED"],
    ),
    (
        "createBlackout(input: "
        '{ startsAt: "2027-03-05T10:00:00Z", endsAt: "2027-03-05T11:00:00Z" })',
        ["BLACKOUT_CREATED"],
    ),
    (f"createBooking(input: {{ {SLOT} }})", ["BOOKING_CREATED"]),
    (f"createBooking(input: {{ {NEW_CUSTOMER} }})", ["BOOKING_CREATED", "CUSTOMER_CREATED"]),
    ('createCustomer(input: { name: "Somebody" })', ["CUSTOMER_CREATED"]),
    ("createExport(input: { kind: CUSTOMERS, format: CSV })", ["EXPORT_CREATED"]),
    ("createImport(input: { kind: CUSTOMERS, format: CSV })", ["IMPORT_CREATED"]),
    (
        'createWebhookEndpoint(input: { url: "https://hooks.invalid", '
        "eventTypes: [GUEST_LINK_REVOKED] })",
        ["WEBHOOK_ENDPOINT_CREATED"],
    ),
    (
        'updateWebhookEndpoint(id: "$endpoint", version: 1, input: { enabled: false })',
        ["WEBHOOK_ENDPOINT_UPDATED"],
    ),
    ('deleteWebhookEndpoint(id: "$endpoint")', ["WEBHOOK_ENDPOINT_DELETED"]),
    ('rotateWebhookSecret(id: "$endpoint")', ["WEBHOOK_SECRET_ROTATED"]),
    ("createCalendarFeed(input: { detail: BUSY })", ["CALENDAR_FEED_CREATED"]),
    ('revokeCalendarFeed(id: "$feed")', ["CALENDAR_FEED_REVOKED"]),
    ("markInboxRead(input: {})", ["INBOX_CHANGED"]),
    (
        'registerPushSubscription(input: { endpoint: "https://push.example.com/b", '
        'p256dh: "$p256dh", auth: "$auth" })',
        ["PUSH_SUBSCRIPTION_ADDED"],
    ),
    ('removePushSubscription(id: "$browser")', ["PUSH_SUBSCRIPTION_REMOVED"]),
    (
        'updateNotificationSettings(version: 1, input: { senderName: "The desk" })',
        ["NOTIFICATION_SETTINGS_CHANGED"],
    ),
    (
        "updateNotificationPreferences(input: "
        "{ optOut: [{ kind: STAFF_DIGEST, channel: EMAIL }] })",
        ["NOTIFICATION_PREFERENCES_CHANGED"],
    ),
    (
        'createCoupon(input: { code: "TENTH", discount: { percent: 10 } })',
        ["COUPON_CREATED"],
    ),
    (
        "updateNotificationTemplate(version: 0, "
        'input: { kind: REFUNDED, channel: SMS, locale: "de", body: "{amount}" })',
        ["NOTIFICATION_TEMPLATE_UPDATED"],
    ),
    (
        "resetNotificationTemplate(version: 1, "
        'input: { kind: BOOKING_REMINDER, channel: SMS, locale: "de" })',
        ["NOTIFICATION_TEMPLATE_RESET"],
    ),
    ('updateCoupon(id: "$coupon", version: 1, input: { totalLimit: 8 })', ["COUPON_UPDATED"]),
    (
        'createArticle(input: { title: "Parking", body: "Behind it.", locale: "en" })',
        ["ARTICLE_CREATED"],
    ),
    (
        'updateArticle(id: "$article", version: 1, input: { published: true })',
        ["ARTICLE_UPDATED"],
    ),
    ('archiveArticle(id: "$article", version: 1)', ["ARTICLE_ARCHIVED"]),
    ('archiveCoupon(id: "$coupon", version: 1)', ["COUPON_ARCHIVED"]),
    (
        "createQuota(input: { measure: BOOKINGS, period: MONTH, limit: 3 })",
        ["QUOTA_CREATED"],
    ),
    ('createRoom(input: { name: "Attic", capacity: 4 })', ["ROOM_CREATED"]),
    ('deactivateUser(id: "$staff")', ["USER_DEACTIVATED"]),
    ('declineWaitlistOffer(id: "$offered")', ["WAITLIST_DECLINED", "BOOKING_CANCELLED"]),
    ('deleteBlackout(id: "$blackout")', ["BLACKOUT_DELETED"]),
    (
        'createPriceRule(input: { label: "Peak", '
        'amount: { amount: "50.00", currencyCode: "EUR" } })',
        ["PRICE_RULES_CHANGED"],
    ),
    ('deletePriceRule(id: "$rule")', ["PRICE_RULES_CHANGED"]),
    ('deleteQuota(id: "$quota")', ["QUOTA_DELETED"]),
    ('reorderPriceRules(ids: ["$rule", "$second_rule"])', ["PRICE_RULES_CHANGED"]),
    (
        'updatePriceRule(id: "$rule", version: 1, input: { label: "Late" })',
        ["PRICE_RULES_CHANGED"],
    ),
    ('updateTaxSettings(version: 1, input: { taxRate: "19" })', ["SETTINGS_CHANGED"]),
    ('deleteHoursException(id: "$exception")', ["HOURS_CHANGED"]),
    (f"holdAsGuest(input: {{ {AS_GUEST} }})", ["BOOKING_HELD"]),
    (
        'holdBooking(input: { roomId: "$room", start: { at: "2027-03-04T10:00:00Z" }, '
        "durationMinutes: 60 })",
        ["BOOKING_HELD"],
    ),
    (
        'inviteUser(input: { email: "new@example.com", name: "New", role: STAFF })',
        ["USER_INVITED"],
    ),
    (
        'joinWaitlist(input: { start: { at: "2027-03-04T10:00:00Z" }, durationMinutes: 60, '
        'customer: { id: "$customer" } })',
        ["WAITLIST_JOINED"],
    ),
    ('leaveWaitlist(id: "$waiting")', ["WAITLIST_LEFT"]),
    ('endBookingEarly(id: "$present", version: 1)', ["BOOKING_COMPLETED"]),
    (
        'extendBooking(id: "$confirmed", version: 1, input: { minutes: 30 })',
        ["BOOKING_EXTENDED"],
    ),
    ('markNoShow(id: "$present", version: 1)', ["BOOKING_NO_SHOW"]),
    (
        'mergeCustomers(keepId: "$tagged", mergeId: "$customer", '
        "versions: { keep: 2, merge: 1 }, sharesLogin: true)",
        ["CUSTOMERS_MERGED"],
    ),
    ('rejectBooking(id: "$pending", version: 1)', ["BOOKING_REJECTED"]),
    (
        'rescheduleBooking(id: "$confirmed", version: 1, '
        'input: { start: { at: "2027-03-04T10:00:00Z" } })',
        ["BOOKING_RESCHEDULED"],
    ),
    (
        "rescheduleGuestBooking(version: 1, "
        'input: { token: "$link", start: { at: "2027-03-04T10:00:00Z" } })',
        ["BOOKING_RESCHEDULED"],
    ),
    ('revokeApiKey(id: "$key")', ["API_KEY_REVOKED"]),
    ('revokeGuestLink(id: "$confirmed")', ["GUEST_LINK_REVOKED"]),
    (
        'setBusinessHours(input: { roomId: "$room", hours: [{ weekday: MONDAY, '
        'intervals: [{ opensAt: "10:00", closesAt: "20:00" }] }] })',
        ["HOURS_CHANGED"],
    ),
    ('setRoomParts(id: "$archived", version: 2, partIds: ["$room"])', ["ROOM_UPDATED"]),
    (
        'startCheckout(input: { plan: STARTER, successUrl: "https://a.test", '
        'cancelUrl: "https://a.test" })',
        ["SUBSCRIPTION_STARTED"],
    ),
    ("startTrial(input: { plan: PROFESSIONAL })", ["PLAN_CHANGED", "TRIAL_STARTED"]),
    ('setHoursException(input: { date: "2027-03-06", intervals: [] })', ["HOURS_CHANGED"]),
    ('tagCustomer(id: "$customer", version: 1, tags: ["VIP"])', ["CUSTOMER_UPDATED"]),
    (
        'swapBookings(firstId: "$confirmed", firstVersion: 1, secondId: "$pending", '
        "secondVersion: 1)",
        ["BOOKING_RESCHEDULED", "BOOKING_RESCHEDULED"],
    ),
    ('unarchiveRoom(id: "$archived", version: 2)', ["ROOM_UNARCHIVED"]),
    ('untagCustomer(id: "$tagged", version: 2, tags: ["Regular"])', ["CUSTOMER_UPDATED"]),
    ('updateBooking(id: "$confirmed", version: 1, input: { partySize: 2 })', ["BOOKING_UPDATED"]),
    (
        'updateCustomer(id: "$customer", version: 1, input: { name: "Renamed" })',
        ["CUSTOMER_UPDATED"],
    ),
    ('updateRoom(id: "$room", version: 1, input: { capacity: 9 })', ["ROOM_UPDATED"]),
    ('updateQuota(id: "$quota", version: 1, input: { limit: 8 })', ["QUOTA_UPDATED"]),
    (
        "updatePaymentSettings(version: 1, input: { policy: DEPOSIT, percent: 30 })",
        ["SETTINGS_CHANGED"],
    ),
    ('updateTenant(version: 1, input: { name: "Renamed" })', ["TENANT_UPDATED"]),
    ("updateTenantSettings(version: 1, input: { holdMinutes: 7 })", ["SETTINGS_CHANGED"]),
]
REFUSED = [
    'archiveRoom(id: "$room", version: 7)',
    'confirmBooking(id: "$confirmed", version: 1)',
    f"createBooking(input: {{ {SLOT}, partySize: 900 }})",
    f"createBooking(input: {{ {NEW_CUSTOMER}, partySize: 900 }})",
    'createRoom(input: { name: "", capacity: 0 })',
    'deactivateUser(id: "$owner")',
    f'bookAsGuest(input: {{ {AS_GUEST}, customer: {{ name: "Gus" }} }})',
    'cancelGuestBooking(version: 7, input: { token: "$link" })',
    'confirmGuestBooking(input: { token: "$link" })',
]
# These are told elsewhere: what happens to a session is in no tenant's calendar; a registration,
# a joining and a verified address act in the name of somebody who has only just come to be; what
# becomes of a subscription is told in test_billing.py, and the portal leads elsewhere; what
# is given back was paid first, which test_refunds.py tells; a guest's link is replaced by a job,
# in test_guest_links.py; an export has to fail before it is tried again, in test_exports.py; a
# merge is undone in test_merges.py; what visitors do is counted, not logged; and what is sent to
# webhooks has a log of its own.
# A change that is taken back was made before, in test_undo.py, and so was an import, in
# test_imports.py; what is waived was due, in test_waivers.py. Tickets are in tests/api/support.
APART = {
    "acceptInvitation",
    "addInternalNote",
    "assignTicket",
    "cancelSubscription",
    "changePlan",
    "createCannedReply",
    "deleteCannedReply",
    "changePassword",
    # What is said to the assistant is in the conversation.
    "declineProposal",
    "endOtherSessions",
    "endSession",
    "login",
    "openBillingPortal",
    "openTicket",
    "openTicketAsGuest",
    "rateGuestTicket",
    "rateTicket",
    "logout",
    "rateMessage",
    "refreshSession",
    "sendMessage",
    "refundBooking",
    "replayWebhookDeliveries",
    "replayWebhookDelivery",
    "registerCustomer",
    "reopenTicket",
    "replyToGuestTicket",
    "replyToTicket",
    "registerTenant",
    "requestEmailVerification",
    "requestGuestLink",
    "requestPasswordReset",
    "resetPassword",
    "resolveTicket",
    "resumeSubscription",
    "resendNotification",
    "retryExport",
    "sendTestWebhook",
    "setTicketPriority",
    "trackEvents",
    "undoMerge",
    "undoChange",
    "undoImport",
    "updateCannedReply",
    "updateSupportSettings",
    "verifyEmail",
    "waiveBalance",
}


FACTS = """
    SELECT jsonb_build_object(
        'tenant', (SELECT to_jsonb(t) - 'calendar_version' FROM tenants t WHERE t.id = $1),
        'rooms', (SELECT jsonb_agg(r ORDER BY r.id) FROM rooms r WHERE r.tenant_id = $1),
        'hours', (SELECT jsonb_agg(h ORDER BY h.id) FROM weekday_hours h WHERE h.tenant_id = $1),
        'dates', (SELECT jsonb_agg(e ORDER BY e.id) FROM hours_exceptions e WHERE e.tenant_id = $1),
        'blocked', (SELECT jsonb_agg(b ORDER BY b.id) FROM blackouts b WHERE b.tenant_id = $1),
        'quotas', (SELECT jsonb_agg(q ORDER BY q.id) FROM booking_quotas q WHERE q.tenant_id = $1),
        'rules', (SELECT jsonb_agg(p ORDER BY p.id) FROM price_rules p WHERE p.tenant_id = $1),
        'billing', (SELECT to_jsonb(s) - '{looks,seen,seen_at,version}'::text[]
                    FROM billing_subscriptions s WHERE s.tenant_id = $1)
    )::text, (SELECT calendar_version FROM tenants WHERE id = $1)
"""


async def things_of(runtime: Runtime, api: Api, venue: Venue) -> dict[str, str]:
    """Returns the ids that the mutations name."""
    room, other_room = venue.rooms
    day = timedelta(days=1)
    bookings = {
        "confirmed": await make_booking(runtime, venue, TOMORROW),
        "pending": await make_booking(runtime, venue, TOMORROW + day, status=Status.PENDING),
        "unconfirmed": await make_booking(
            runtime,
            venue,
            TOMORROW + 2 * day,
            status=Status.HELD,
            hold_expires_at=MONDAY_MORNING + timedelta(hours=1),
        ),
        "present": await make_booking(runtime, venue, MONDAY_MORNING - timedelta(minutes=5)),
        "checked_in": await make_booking(
            runtime, venue, MONDAY_MORNING - timedelta(hours=3), status=Status.CHECKED_IN
        ),
    }
    offered = await make_booking(
        runtime,
        venue,
        TOMORROW + 6 * day,
        status=Status.HELD,
        hold_expires_at=MONDAY_MORNING + timedelta(hours=1),
    )
    await run(api, venue, f'archiveRoom(id: "{api_id(other_room)}", version: 1)')
    blackout = await run(
        api,
        venue,
        "createBlackout(input: "
        '{ startsAt: "2027-03-07T10:00:00Z", endsAt: "2027-03-07T11:00:00Z" })',
        "blackout { id }",
    )
    coupon = await run(
        api,
        venue,
        'createCoupon(input: { code: "HALF", discount: { percent: 50 } })',
        "coupon { id }",
    )
    endpoint = await run(
        api,
        venue,
        'createWebhookEndpoint(input: { url: "https://hooks.invalid", '
        "eventTypes: [GUEST_LINK_REVOKED] })",
        "endpoint { id }",
    )
    feed = await run(api, venue, "createCalendarFeed(input: { detail: FULL })", "feed { id }")
    await run(
        api,
        venue,
        "updateNotificationTemplate(version: 0, "
        'input: { kind: BOOKING_REMINDER, channel: SMS, locale: "de", body: "{date}" })',
    )
    await make_inbox_entry(runtime, venue.owner)
    _, _, keys = browser_keys()
    browser = await run(
        api,
        venue,
        'registerPushSubscription(input: { endpoint: "https://push.example.com/a", '
        f'p256dh: "{keys["p256dh"]}", auth: "{keys["auth"]}" }})',
        "pushSubscription { id }",
    )
    quota = await run(
        api,
        venue,
        "createQuota(input: { measure: BOOKINGS, period: WEEK, limit: 9 })",
        "quota { id }",
    )
    rules = [
        (
            await run(
                api,
                venue,
                'createPriceRule(input: { label: "Rule", '
                'amount: { amount: "1.00", currencyCode: "EUR" } })',
                "priceRule { id }",
            )
        )["priceRule"]["id"]
        for _ in range(2)
    ]
    exception = await run(
        api,
        venue,
        'setHoursException(input: { date: "2027-03-07", intervals: [] })',
        "exception { id }",
    )
    key = await run(
        api,
        venue,
        'createApiKey(input: { name: "Program", permissions: ["rooms:read"] })',
        "apiKey { id }",
    )
    article = await run(
        api,
        venue,
        'createArticle(input: { title: "Wi-Fi", body: "Ask us.", locale: "en" })',
        "article { id }",
    )
    tagged = await run(
        api,
        venue,
        f'tagCustomer(id: "{api_id(venue.customer)}", version: 1, tags: ["Regular"])',
        "customer { id }",
    )
    links = runtime.services[Links]
    assert isinstance(links, Links)
    return {
        "subdomain": venue.tenant.subdomain,
        "key": key["apiKey"]["id"],
        "link": links.sign(Link(venue.tenant.id, bookings["confirmed"].id)),
        "mailed": links.sign(Link(venue.tenant.id, bookings["unconfirmed"].id, is_mailed=True)),
        "room": api_id(room),
        "archived": api_id(other_room),
        "series": api_id(await make_series(runtime, venue, TOMORROW)),
        "waiting": api_id(await make_waitlist_entry(runtime, venue, TOMORROW)),
        "offered": api_id(await make_waitlist_entry(runtime, venue, TOMORROW, hold=offered)),
        "customer": api_id(venue.other_customer),
        "tagged": tagged["customer"]["id"],
        "staff": api_id(venue.staff.user),
        "owner": api_id(venue.owner.user),
        "blackout": blackout["blackout"]["id"],
        "quota": quota["quota"]["id"],
        "coupon": coupon["coupon"]["id"],
        "article": article["article"]["id"],
        "feed": feed["feed"]["id"],
        "browser": browser["pushSubscription"]["id"],
        **keys,
        "endpoint": endpoint["endpoint"]["id"],
        "proposal": api_id((await make_conversation(runtime, venue, venue.owner))[2]),
        "rule": rules[1],
        "second_rule": rules[0],
        "exception": exception["exception"]["id"],
        **{name: api_id(booking) for name, booking in bookings.items()},
    }


async def run(api: Api, venue: Venue, mutation: str, selection: str = "") -> Any:
    text = f"mutation {{ {mutation} {{ {selection} userErrors {{ code message }} }} }}"
    return (await api(text, token=venue.owner.token)).payload


async def log_of(api: Api, venue: Venue) -> list[str]:
    """Returns the types on the log, the newest first."""
    answer = await api(TYPES, token=venue.owner.token)
    return [each["type"] for each in answer.payload["nodes"]]


@pytest.mark.parametrize(("mutation", "added"), CHANGES, ids=lambda each: str(each)[:40])
async def test_a_mutation_is_on_the_log_once_and_tells_if_the_calendars_facts_change(
    runtime: Runtime, api: Api, database: DatabaseUrls, mutation: str, added: list[str]
) -> None:
    venue = await make_venue(runtime)
    things = await things_of(runtime, api, venue)
    before = await log_of(api, venue)
    owner = await asyncpg.connect(database.owner)
    facts, version = (await owner.fetch(FACTS, venue.tenant.id))[0]

    done = await run(api, venue, Template(mutation).substitute(things))

    now, raised = (await owner.fetch(FACTS, venue.tenant.id))[0]
    await owner.close()
    assert done["userErrors"] == []
    assert await log_of(api, venue) == [*added, *before]
    assert (raised > version) is (now != facts)


@pytest.mark.parametrize("mutation", REFUSED)
async def test_a_refused_mutation_is_not_on_the_log(
    runtime: Runtime, api: Api, mutation: str
) -> None:
    venue = await make_venue(runtime)
    things = await things_of(runtime, api, venue)
    before = await log_of(api, venue)

    refused = await run(api, venue, Template(mutation).substitute(things))

    assert refused["userErrors"] != []
    assert await log_of(api, venue) == before


async def test_joining_is_on_the_log_once(runtime: Runtime, api: Api) -> None:
    venue = await make_venue(runtime)
    invite = 'inviteUser(input: { email: "new@example.com", name: "New", role: STAFF })'
    await run(api, venue, invite, "user { id }")

    joined = await api(
        "mutation ($token: String!) { acceptInvitation(input: "
        '{ token: $token, password: "a good, long password" }) { userErrors { code } } }',
        {"token": await last_code(runtime, to="new@example.com")},
    )

    assert joined.refusals == []
    assert await log_of(api, venue) == ["USER_JOINED", "USER_INVITED"]


def test_no_mutation_is_left_out() -> None:
    mutations = schema._schema.mutation_type
    assert mutations is not None

    assert {text.partition("(")[0] for text, _ in CHANGES} | APART == set(mutations.fields)
