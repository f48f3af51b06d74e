"""API keys: creation, scopes, use, expiry and revocation."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from domain.accounts.users import Role
from kit.actor import Request
from kit.background_tasks import BackgroundTasks
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from kit.settings import Settings
from models.accounts.api_keys import ApiKey
from permissions.roles import FOR_KEYS
from tests.api.accounts.accounts import mails, runtime_errands
from tests.support.client import Answer, Api, live
from tests.support.clock import StoppedClock
from tests.support.desk import rfc
from tests.support.factories import Venue, api_id, make_booking, make_venue

CREATE = """
    mutation ($input: CreateApiKeyInput!) {
      createApiKey(input: $input) {
        apiKey { id name prefix permissions createdBy { name } createdAt expiresAt revokedAt }
        secret
        userErrors { code path message }
      }
    }
"""
REVOKE = """
    mutation ($id: ID!) {
      revokeApiKey(id: $id) { apiKey { revokedAt } userErrors { code path } }
    }
"""
LIST = "{ apiKeys { nodes { name prefix lastUsedAt revokedAt } } }"
ROOMS = "{ rooms { nodes { name } } }"
CREATE_ROOM = """
    mutation ($input: CreateRoomInput!) {
      createRoom(input: $input) { room { id name } replayed userErrors { code } }
    }
"""
CHANGE_ROLE = """
    mutation ($id: ID!, $role: Role!) { changeUserRole(id: $id, role: $role) { user { id } } }
"""
INVITE = """
    mutation ($role: Role!) {
      inviteUser(input: { email: "ann@example.test", name: "Ann", role: $role }) {
        user { id } invitationToken userErrors { code }
      }
    }
"""
CLOSE = "mutation ($id: ID!) { deactivateUser(id: $id) { user { id } } }"
AUDIT = """
    { auditLog(first: 1) { nodes { type subject { id } actor { kind name user { id } } } } }
"""


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def create(api: Api, token: str, *permissions: str, **given: Any) -> Answer:
    arguments = {"name": "Door panel", "permissions": permissions, **given}
    return await api(CREATE, {"input": arguments}, token=token)


async def made(api: Api, venue: Venue, *permissions: str, **given: Any) -> Any:
    """Returns a new key of the owner's: the payload."""
    answer = await create(api, venue.owner.token, *permissions, **given)
    assert answer.refusals == []
    return answer.payload


async def stored(runtime: Runtime, venue: Venue) -> Sequence[ApiKey]:
    scope = Scope(runtime, venue.owner.actor, Request(new_id()))
    try:
        return await scope.all(select(ApiKey))
    finally:
        await scope.close()


# ------------------------------------------------------------------------------ making


async def test_a_secret_is_shown_once_and_only_its_hash_is_kept(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    new = await made(api, venue, "rooms:read", "bookings:read")

    secret, prefix = new["secret"], new["apiKey"]["prefix"]
    (row,) = await stored(runtime, venue)
    assert secret.startswith(f"boom_{venue.tenant.id.hex}_") and len(secret) == 81
    assert prefix == secret[:44]
    assert new["apiKey"] | {"id": ..., "prefix": ...} == {
        "id": ...,
        "name": "Door panel",
        "prefix": ...,
        "permissions": ["bookings:read", "rooms:read"],
        "createdBy": {"name": "Owner"},
        "createdAt": "2027-03-01T09:00:00Z",
        "expiresAt": None,
        "revokedAt": None,
    }
    assert secret not in repr(row.model_dump())


async def test_all_that_is_wrong_with_a_key_is_told_at_once(api: Api, venue: Venue) -> None:
    answer = await create(
        api,
        venue.owner.token,
        *("rooms:read", "rooms:fly", "api-keys:write", "member", "users:roles"),
        name=" ",
        expiresAt="2027-03-01T09:00:00Z",
    )

    assert [(each["code"], each["path"]) for each in answer.payload["userErrors"]] == [
        ("REQUIRED", ["input", "name"]),
        ("INVALID", ["input", "permissions", "1"]),
        ("INVALID", ["input", "permissions", "2"]),
        ("INVALID", ["input", "permissions", "3"]),
        ("INVALID", ["input", "permissions", "4"]),
        ("INVALID", ["input", "expiresAt"]),
    ]


async def test_a_key_without_any_permission_is_refused(api: Api, venue: Venue) -> None:
    answer = await create(api, venue.owner.token)

    assert answer.refusals == ["REQUIRED"]


async def test_an_admin_makes_keys_and_a_manager_does_not(api: Api, venue: Venue) -> None:
    by_admin = await create(api, venue.admin.token, "rooms:read")
    by_manager = await create(api, venue.manager.token, "rooms:read")

    assert by_admin.refusals == []
    assert by_manager.codes == ["FORBIDDEN"]


# ------------------------------------------------------------------------------ calling


async def test_a_program_may_what_its_key_says(api: Api, venue: Venue) -> None:
    key = (await made(api, venue, "rooms:read"))["secret"]

    answer = await api(ROOMS, token=key)

    assert answer.payload == {"nodes": [{"name": "Room 1"}, {"name": "Room 2"}]}


async def test_a_program_may_no_more_than_its_key_says(api: Api, venue: Venue) -> None:
    key = (await made(api, venue, "rooms:read"))["secret"]
    new_room = {"input": {"name": "Attic", "capacity": 2}}

    written = await api(CREATE_ROOM, new_room, token=key)
    listed = await api("{ bookings { nodes { id } } }", token=key)
    priced = await api("{ rooms(first: 1) { nodes { hourlyRate { amount } } } }", token=key)

    assert (written.codes, listed.codes) == (["FORBIDDEN"], ["FORBIDDEN"])
    assert priced.partial == {"rooms": {"nodes": [{"hourlyRate": None}]}}


async def test_a_key_for_rooms_shows_no_booking_of_theirs(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    await make_booking(runtime, venue, clock.now.replace(hour=15))
    key = (await made(api, venue, "rooms:read"))["secret"]

    answer = await api("{ rooms { nodes { bookings { totalCount nodes { id } } } } }", token=key)

    nothing = {"bookings": {"totalCount": 0, "nodes": []}}
    assert answer.payload == {"nodes": [nothing, nothing]}


SEARCH = """
    query ($filter: CustomerFilter, $bookings: BookingFilter) {
      customers(filter: $filter) { totalCount }
      bookings(filter: $bookings) { totalCount }
    }
"""


async def test_a_key_finds_nobody_by_what_it_may_not_read(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    await make_booking(runtime, venue, clock.now.replace(day=2))
    without = (await made(api, venue, "customers:read", "bookings:read"))["secret"]
    contact = await made(api, venue, "customers:read", "customers:contact", "bookings:read")
    email = {"search": venue.customer.email}

    hidden = await api(SEARCH, {"filter": email, "bookings": email}, token=without)
    found = await api(SEARCH, {"filter": email, "bookings": email}, token=contact["secret"])
    named = await api(SEARCH, {"filter": {"search": "guest"}}, token=without)

    nothing, one = {"totalCount": 0}, {"totalCount": 1}
    assert hidden.data == {"customers": nothing, "bookings": nothing}
    assert found.data == {"customers": one, "bookings": one}
    assert named.data["customers"] == one


@pytest.mark.parametrize("filter", [{"email": "guest@example.test"}, {"phone": "5678"}])
async def test_a_key_without_contact_does_not_filter_by_it(
    api: Api, venue: Venue, filter: dict[str, str]
) -> None:
    key = (await made(api, venue, "customers:read"))["secret"]

    answer = await api(SEARCH, {"filter": filter}, token=key)

    customers = next(each for each in answer.errors if each["path"] == ["customers"])
    assert customers["message"] == "This requires the permission customers:contact."
    assert answer.partial["customers"] is None


async def test_bookings_are_found_by_customer_only_by_those_who_read_customers(
    api: Api, venue: Venue
) -> None:
    key = (await made(api, venue, "bookings:read"))["secret"]

    answer = await api(
        SEARCH, {"bookings": {"customerId": {"eq": api_id(venue.customer)}}}, token=key
    )

    assert [(each["path"], each["extensions"]["code"]) for each in answer.errors] == [
        (["customers"], "FORBIDDEN"),
        (["bookings"], "FORBIDDEN"),
    ]


async def test_customers_do_not_see_the_plan_and_its_use(api: Api, venue: Venue) -> None:
    text = "{ tenant { name plan { code } usage { rooms { used } } } }"

    guest = await api(text, token=venue.guest.token)
    staff = await api(text, token=venue.staff.token)

    assert guest.codes == ["FORBIDDEN", "FORBIDDEN"]
    assert guest.partial["tenant"] == {"name": venue.tenant.name, "plan": None, "usage": None}
    assert staff.payload["usage"] == {"rooms": {"used": 2}}


async def test_an_audit_key_sees_values_only_of_what_it_may_read(api: Api, venue: Venue) -> None:
    renamed = """mutation ($id: ID!) { updateRoom(id: $id, version: 1, input: { capacity: 9 }) {
        userErrors { code } } }"""
    await api(renamed, {"id": api_id(venue.rooms[0])}, token=venue.owner.token)
    log = "{ auditLog(first: 1) { nodes { actor { name } changes { field before after } } } }"
    with_rooms = (await made(api, venue, "audit:read", "users:read", "rooms:read"))["secret"]
    alone = (await made(api, venue, "audit:read"))["secret"]
    log = log.replace("first: 1", "first: 1, filter: { types: [ROOM_UPDATED] }")

    seen = (await api(log, token=with_rooms)).payload["nodes"]
    hidden = (await api(log, token=alone)).payload["nodes"]

    changed = {"field": "capacity", "before": 4, "after": 9}
    assert seen == [{"actor": {"name": "Owner"}, "changes": [changed]}]
    unknown = {"field": "capacity", "before": None, "after": None}
    assert hidden == [{"actor": {"name": "User"}, "changes": [unknown]}]


async def test_a_program_is_nobody_who_has_a_login(api: Api, venue: Venue) -> None:
    key = (await made(api, venue, "users:read", "users:write", "bookings:read"))["secret"]

    viewer = await api("{ viewer { id } }", token=key)
    password = await api(
        """mutation { changePassword(
             input: { currentPassword: "a long enough password", newPassword: "another long one" }
           ) { userErrors { code } } }""",
        token=key,
    )
    another = await create(api, key, "bookings:read")

    assert [answer.codes for answer in (viewer, password, another)] == [["FORBIDDEN"]] * 3


@pytest.mark.parametrize("role", list(Role))
async def test_a_key_neither_invites_nor_changes_roles(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue, role: Role
) -> None:
    key = (await made(api, venue, *sorted(FOR_KEYS)))["secret"]
    given = {"id": api_id(venue.staff.user), "role": role.value}

    changed = await api(CHANGE_ROLE, given, token=key)
    invited = await api(INVITE, {"role": role.value}, token=key)

    assert changed.codes == invited.codes == ["FORBIDDEN"]
    subjects = [mail["Subject"] for mail in await mails(runtime, settings)]
    assert subjects == [f"A new API key at {venue.tenant.name}"]


async def test_a_key_closes_the_accounts_below_that_of_its_maker_alone(
    api: Api, venue: Venue
) -> None:
    answer = await create(api, venue.admin.token, "users:read", "users:write")
    key = answer.payload["secret"]

    below = await api(CLOSE, {"id": api_id(venue.manager.user)}, token=key)
    equal = await api(CLOSE, {"id": api_id(venue.admin.user)}, token=key)
    above = await api(CLOSE, {"id": api_id(venue.owner.user)}, token=key)

    assert (below.codes, equal.codes, above.codes) == ([], ["FORBIDDEN"], ["FORBIDDEN"])


async def test_a_key_is_worth_nothing_in_another_tenant(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    other = await make_venue(runtime)
    key = (await made(api, venue, "rooms:read"))["secret"]

    answer = await api(ROOMS, token=key.replace(venue.tenant.id.hex, other.tenant.id.hex))

    assert (answer.status, answer.codes) == (200, ["UNAUTHENTICATED"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1],
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key.upper(),
        lambda key: key.replace("boom_", "boom-"),
        lambda key: key + "~",
    ],
    ids=["cut", "changed", "upper case", "other mark", "longer"],
)
async def test_a_key_that_is_not_quite_right_is_refused(api: Api, venue: Venue, spoil: Any) -> None:
    key = (await made(api, venue, "rooms:read"))["secret"]

    answer = await api(ROOMS, headers={"Authorization": f"Bearer {spoil(key)}"})

    assert answer.codes == ["UNAUTHENTICATED"]


async def test_a_key_is_replayed_by_its_own_idempotency_keys(api: Api, venue: Venue) -> None:
    first = (await made(api, venue, "rooms:read", "rooms:write"))["secret"]
    second = (await made(api, venue, "rooms:read", "rooms:write"))["secret"]
    arguments = {"input": {"name": "Attic", "capacity": 2, "idempotencyKey": "one"}}

    answers = [await api(CREATE_ROOM, arguments, token=key) for key in (first, first, second)]

    assert [answer.payload["replayed"] for answer in answers] == [False, True, False]
    ids = [answer.payload["room"]["id"] for answer in answers]
    assert ids[0] == ids[1] != ids[2]


async def test_the_log_names_the_key(api: Api, venue: Venue) -> None:
    key = (await made(api, venue, "rooms:read", "rooms:write"))["secret"]

    await api(CREATE_ROOM, {"input": {"name": "Attic", "capacity": 2}}, token=key)

    (entry,) = (await api(AUDIT, token=venue.owner.token)).payload["nodes"]
    assert entry["type"] == "ROOM_CREATED"
    assert entry["actor"] == {"kind": "API_KEY", "name": "Door panel", "user": None}


async def test_making_and_revoking_a_key_stand_on_the_log(api: Api, venue: Venue) -> None:
    id = (await made(api, venue, "rooms:read"))["apiKey"]["id"]
    created = (await api(AUDIT, token=venue.owner.token)).payload["nodes"][0]
    await api(REVOKE, {"id": id}, token=venue.owner.token)
    revoked = (await api(AUDIT, token=venue.owner.token)).payload["nodes"][0]

    assert [created["type"], revoked["type"]] == ["API_KEY_CREATED", "API_KEY_REVOKED"]
    assert created["subject"] == revoked["subject"] == {"id": id}


# ------------------------------------------------------------------------------ last use


async def test_a_keys_last_use_is_noted_once_a_minute(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    key = (await made(api, venue, "rooms:read"))["secret"]

    async def last_use_after(seconds: float) -> Any:
        clock.advance(seconds=seconds)
        await api(ROOMS, token=key)
        await runtime_errands(runtime).finish()
        (row,) = await stored(runtime, venue)
        return rfc(row.last_used_at) if row.last_used_at else None

    assert await last_use_after(0) == "2027-03-01T09:00:00Z"
    assert await last_use_after(59) == "2027-03-01T09:00:00Z"
    assert await last_use_after(1) == "2027-03-01T09:01:00Z"


async def test_nobody_waits_for_the_note_of_a_use(api: Api, runtime: Runtime, venue: Venue) -> None:
    key = (await made(api, venue, "rooms:read"))["secret"]
    errands = runtime.services[BackgroundTasks]
    assert isinstance(errands, BackgroundTasks)
    errands._limit = 0

    answer = await api(ROOMS, token=key)

    assert answer.codes == []


async def test_keys_are_listed_with_the_newest_first(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    await made(api, venue, "rooms:read", name="First")
    clock.advance(seconds=1)
    await made(api, venue, "rooms:read", name="Second")

    answer = await api(LIST, token=venue.admin.token)

    assert [each["name"] for each in answer.payload["nodes"]] == ["Second", "First"]


# ------------------------------------------------------------------------------ the end of a key


async def test_a_revoked_key_is_refused_within_a_second(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    new = await made(api, venue, "rooms:read")
    assert (await api(ROOMS, token=new["secret"])).codes == []

    revoked = await api(REVOKE, {"id": new["apiKey"]["id"]}, token=venue.admin.token)
    clock.advance(seconds=1)
    answer = await api(ROOMS, token=new["secret"])

    assert revoked.payload["apiKey"] == {"revokedAt": "2027-03-01T09:00:00Z"}
    assert answer.codes == ["UNAUTHENTICATED"]


async def test_a_revoked_key_stays_revoked_since_when_it_was(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    new = await made(api, venue, "rooms:read")
    await api(REVOKE, {"id": new["apiKey"]["id"]}, token=venue.owner.token)
    clock.advance(minutes=1)

    again = await api(REVOKE, {"id": new["apiKey"]["id"]}, token=venue.owner.token)

    assert again.payload["apiKey"] == {"revokedAt": "2027-03-01T09:00:00Z"}


async def test_an_expired_key_is_refused(api: Api, clock: StoppedClock, venue: Venue) -> None:
    new = await made(api, venue, "rooms:read", expiresAt="2027-03-01T10:00:00Z")

    clock.advance(minutes=59, seconds=59)
    before = await api(ROOMS, token=new["secret"])
    clock.advance(seconds=1)
    after = await api(ROOMS, token=new["secret"])

    assert (before.codes, after.codes) == ([], ["UNAUTHENTICATED"])


async def test_the_end_of_a_key_closes_its_sockets(
    server: str, api: Api, clock: StoppedClock, venue: Venue
) -> None:
    new = await made(api, venue, "bookings:read")

    async with live(server, token=new["secret"]) as client:
        await client.subscribe("subscription { bookingChanged { __typename } }")
        await api(REVOKE, {"id": new["apiKey"]["id"]}, token=venue.owner.token)
        clock.advance(seconds=1)

        assert await client.closed() == 4403


@pytest.mark.parametrize("role", [Role.STAFF, Role.MANAGER])
async def test_a_key_may_no_more_than_whoever_made_it(
    api: Api, clock: StoppedClock, venue: Venue, role: Role
) -> None:
    answer = await create(api, venue.admin.token, "billing:read", "rooms:read")
    key = answer.payload["secret"]
    billing = "{ billing { __typename } }"

    before = await api(billing, token=key)
    given = {"id": api_id(venue.admin.user), "role": role.value}
    await api(CHANGE_ROLE, given, token=venue.owner.token)
    clock.advance(seconds=1)
    after = await api(billing, token=key)
    rooms = await api(ROOMS, token=key)

    assert (before.codes, after.codes, rooms.codes) == ([], ["FORBIDDEN"], [])


async def test_a_key_ends_with_the_account_of_whoever_made_it(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    key = (await create(api, venue.admin.token, "rooms:read")).payload["secret"]

    await api(CLOSE, {"id": api_id(venue.admin.user)}, token=venue.owner.token)
    clock.advance(seconds=1)

    assert (await api(ROOMS, token=key)).codes == ["UNAUTHENTICATED"]


@pytest.mark.parametrize(
    ("permission", "change", "needed"),
    [
        ("bookings:manage", "confirmBooking(id: $id, version: 1)", "bookings:read"),
        ("bookings:manage", "revokeGuestLink(id: $id)", "bookings:read"),
        ("bookings:write", "cancelBooking(id: $id, version: 1)", "bookings:read"),
        (
            "bookings:write",
            "rescheduleBooking(id: $id, version: 1,"
            ' input: { start: { at: "2027-03-08T09:00:00Z" } })',
            "bookings:read",
        ),
        ("bookings:write", "createBooking(input: { holdId: $id })", "bookings:read"),
        ("payments:refund", "refundBooking(id: $id, version: 1)", "bookings:read"),
        (
            "customers:write",
            "updateCustomer(id: $customer, version: 1, input: {})",
            "customers:read",
        ),
    ],
)
async def test_a_key_that_may_see_nothing_of_a_kind_is_told_what_it_needs_to_change_it(
    api: Api,
    runtime: Runtime,
    clock: StoppedClock,
    venue: Venue,
    permission: str,
    change: str,
    needed: str,
) -> None:
    booking = await make_booking(runtime, venue, clock.now.replace(day=5))
    key = (await made(api, venue, permission))["secret"]
    id, used = ("customer", venue.customer) if "$customer" in change else ("id", booking)

    answer = await api(
        f"mutation (${id}: ID!) {{ {change} {{ userErrors {{ code }} }} }}",
        {id: api_id(used)},
        token=key,
    )

    assert answer.codes == ["FORBIDDEN"]
    assert answer.body["errors"][0]["message"] == f"This requires the permission {needed}."


@pytest.mark.parametrize("field", ["confirmBooking", "updateBooking", "refundBooking"])
async def test_a_change_says_what_else_it_needs(api: Api, field: str) -> None:
    answer = await api('{ __type(name: "Mutation") { fields { name description } } }')

    (described,) = [each for each in answer.payload["fields"] if each["name"] == field]
    assert described["description"].endswith("Also requires `bookings:read`.")
