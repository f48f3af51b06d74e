"""Users: invitations, joining, changes of role, deactivation."""

import asyncio

import pytest

from domain.accounts.users import Role
from kit.runtime import Runtime
from kit.settings import Settings
from tests.api.accounts.accounts import (
    VIEWER,
    code_in,
    is_logged_in,
    last_code,
    logged,
    logged_in,
    login,
    mails,
    refresh,
)
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.factories import PASSWORD, Person, Venue, api_id, make_venue

USERS = "{ users { totalCount nodes { email role } } }"
ONE = "query ($id: ID!) { node(id: $id) { ... on User { email } } }"
INVITE = """
    mutation ($input: InviteUserInput!) {
      inviteUser(input: $input) {
        user { id email name role lastLoginAt customer { id name email } }
        userErrors { code path }
      }
    }
"""
ACCEPT = """
    mutation ($input: AcceptInvitationInput!) {
      acceptInvitation(input: $input) {
        session { accessToken user { email role } } userErrors { code path }
      }
    }
"""
CHANGE_ROLE = """
    mutation ($id: ID!, $role: Role!) {
      changeUserRole(id: $id, role: $role) { user { role permissions } userErrors { code path } }
    }
"""
DEACTIVATE = """
    mutation ($id: ID!) {
      deactivateUser(id: $id) { user { deactivatedAt } userErrors { code path } }
    }
"""


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime)


async def invite(
    api: Api, by: Person, *, email: str = "ann@example.test", name: str = "Ann", role: str = "STAFF"
) -> Answer:
    return await api(
        INVITE, {"input": {"email": email, "name": name, "role": role}}, token=by.token
    )


async def accept(api: Api, token: str, *, password: str = PASSWORD) -> Answer:
    return await api(ACCEPT, {"input": {"token": token, "password": password}})


async def invited(
    api: Api, runtime: Runtime, by: Person, *, email: str = "ann@example.test", role: str
) -> str:
    """Invites somebody and returns the token."""
    answer = await invite(api, by, email=email, role=role)
    assert answer.refusals == []
    return await last_code(runtime, to=email)


async def joined(api: Api, runtime: Runtime, venue: Venue, *, role: str) -> tuple[str, str]:
    """Returns the id and the access token of an invited user who has joined."""
    answer = await invite(api, venue.owner, role=role)
    session = (await accept(api, await last_code(runtime, to="ann@example.test"))).payload[
        "session"
    ]
    api.http.cookies.clear()
    return answer.payload["user"]["id"], session["accessToken"]


async def change_role(api: Api, by: Person, id: str, role: str) -> Answer:
    return await api(CHANGE_ROLE, {"id": id, "role": role}, token=by.token)


async def deactivate(api: Api, by: Person, id: str) -> Answer:
    return await api(DEACTIVATE, {"id": id}, token=by.token)


# ------------------------------------------------------------------------------ who they are


async def test_the_team_sees_who_is_in_it(api: Api, venue: Venue) -> None:
    answer = await api(USERS, token=venue.staff.token)

    assert answer.payload["totalCount"] == 5
    assert answer.payload["nodes"][0] == {"email": venue.owner.user.email, "role": "OWNER"}


async def test_a_guest_sees_no_user_but_their_own(api: Api, venue: Venue) -> None:
    listed = await api(USERS, token=venue.guest.token)
    other = await api(ONE, {"id": api_id(venue.staff.user)}, token=venue.guest.token)
    own = await api(ONE, {"id": api_id(venue.guest.user)}, token=venue.guest.token)

    assert listed.codes == ["FORBIDDEN"]
    assert other.payload is None
    assert own.payload == {"email": venue.guest.user.email}


async def test_a_stranger_is_nobody(api: Api) -> None:
    answer = await api(VIEWER)

    assert answer.codes == ["UNAUTHENTICATED"]
    assert answer.partial == {"viewer": None}


async def test_a_user_knows_what_they_may(api: Api, venue: Venue) -> None:
    answer = await api("{ viewer { permissions customer { name } } }", token=venue.guest.token)

    assert answer.payload["customer"] == {"name": "Guest"}
    assert "bookings:read:own" in answer.payload["permissions"]
    assert "users:read" not in answer.payload["permissions"]


# ------------------------------------------------------------------------------ joining


async def test_an_invited_person_joins_by_mail(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    answer = await invite(api, venue.admin, email="Ann@Example.test", role="MANAGER")
    (mail,) = await mails(runtime, settings)

    session = (await accept(api, code_in(mail))).payload["session"]

    assert answer.payload["user"]["email"] == "Ann@Example.test"
    assert mail["To"] == "Ann@example.test"
    assert session["user"] == {"email": "Ann@Example.test", "role": "MANAGER"}
    assert await is_logged_in(api, session["accessToken"])
    assert (await login(api, venue, email="ann@example.test")).refusals == []


async def test_who_has_not_joined_cannot_log_in(api: Api, venue: Venue) -> None:
    await invite(api, venue.owner)

    answer = await login(api, venue, email="ann@example.test")

    assert answer.refusals == ["INVALID_CREDENTIALS"]


async def test_an_invitation_works_once(api: Api, runtime: Runtime, venue: Venue) -> None:
    token = await invited(api, runtime, venue.owner, role="STAFF")
    await accept(api, token)

    again = await accept(api, token)

    assert again.payload["userErrors"] == [
        {"code": "INVALID_CREDENTIALS", "path": ["input", "token"]}
    ]


async def test_an_invitation_raced_for_is_accepted_once(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    token = await invited(api, runtime, venue.owner, role="STAFF")

    answers = await asyncio.gather(*(accept(api, token) for _ in range(5)))

    assert sorted(a.refusals for a in answers) == [[], *[["INVALID_CREDENTIALS"]] * 4]


async def test_an_invitation_lasts_seven_days(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    token = await invited(api, runtime, venue.owner, role="STAFF")

    clock.advance(days=7)

    assert (await accept(api, token)).refusals == ["INVALID_CREDENTIALS"]


async def test_a_new_invitation_replaces_the_one_before(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    first = await invited(api, runtime, venue.owner, role="STAFF")
    second = await invited(api, runtime, venue.owner, role="MANAGER")

    assert (await accept(api, first)).refusals == ["INVALID_CREDENTIALS"]
    answer = await accept(api, second)
    assert answer.payload["session"]["user"]["role"] == "MANAGER"


async def test_who_has_joined_is_not_invited_again(api: Api, venue: Venue) -> None:
    answer = await invite(api, venue.owner, email=venue.staff.user.email.upper())

    assert answer.payload["userErrors"] == [{"code": "DUPLICATE", "path": ["input", "email"]}]


async def test_an_invitation_is_refused_with_all_that_is_wrong(api: Api, venue: Venue) -> None:
    answer = await invite(api, venue.owner, email="no address", name="two\nlines")

    assert answer.payload == {
        "user": None,
        "userErrors": [
            {"code": "INVALID", "path": ["input", "email"]},
            {"code": "INVALID", "path": ["input", "name"]},
        ],
    }


async def test_the_code_of_an_invitation_is_in_the_mail_alone(
    api: Api, runtime: Runtime, settings: Settings, venue: Venue
) -> None:
    answer = await api(
        """mutation { inviteUser(input: { email: "ann@example.test", name: "Ann", role: ADMIN }) {
             user { id } invitationToken userErrors { code } } }""",
        token=venue.owner.token,
    )
    (mail,) = await mails(runtime, settings)

    assert answer.payload["invitationToken"] is None
    assert code_in(mail) not in str(answer.body)


async def test_only_an_owner_invites_owners(api: Api, venue: Venue) -> None:
    by_admin = await invite(api, venue.admin, role="OWNER")
    by_owner = await invite(api, venue.owner, role="OWNER")

    assert by_admin.codes == ["FORBIDDEN"]
    assert by_owner.refusals == []


async def test_only_admins_and_owners_invite(api: Api, venue: Venue) -> None:
    answer = await invite(api, venue.manager)

    assert answer.codes == ["FORBIDDEN"]


async def test_an_invited_customer_is_the_one_of_their_address(api: Api, venue: Venue) -> None:
    answer = await invite(
        api, venue.owner, email=str(venue.other_customer.email).upper(), role="CUSTOMER"
    )

    assert answer.payload["user"]["customer"] == {
        "id": api_id(venue.other_customer),
        "name": "Other",
        "email": venue.other_customer.email,
    }


async def test_an_invited_customer_is_added_where_there_is_none(api: Api, venue: Venue) -> None:
    answer = await invite(api, venue.owner, role="CUSTOMER")

    customer = answer.payload["user"]["customer"]
    assert (customer["name"], customer["email"]) == ("Ann", "ann@example.test")


async def test_the_log_tells_who_joined(api: Api, runtime: Runtime, venue: Venue) -> None:
    await joined(api, runtime, venue, role="STAFF")

    invitation, joining = await logged(runtime, venue)
    assert (invitation.type, invitation.actor_id) == ("USER_INVITED", venue.owner.user.id)
    assert invitation.after is not None and invitation.after["email"] is None
    assert joining.type == "USER_JOINED"
    assert joining.actor_id == joining.subject_id == invitation.subject_id


# ------------------------------------------------------------------------------ another role


async def test_a_changed_role_holds_within_a_second(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    staff = api_id(venue.staff.user)
    before = await invite(api, venue.staff)

    changed = await change_role(api, venue.owner, staff, "ADMIN")
    clock.advance(seconds=1)

    assert before.codes == ["FORBIDDEN"]
    assert changed.payload["user"]["role"] == "ADMIN"
    assert (await invite(api, venue.staff)).refusals == []


async def test_the_log_tells_the_role_before_and_after(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    await change_role(api, venue.admin, api_id(venue.staff.user), "MANAGER")

    (entry,) = await logged(runtime, venue)
    assert (entry.type, entry.before, entry.after) == (
        "USER_ROLE_CHANGED",
        {"role": "STAFF"},
        {"role": "MANAGER"},
    )


async def test_the_same_role_again_changes_nothing(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    answer = await change_role(api, venue.owner, api_id(venue.staff.user), "STAFF")

    assert answer.refusals == []
    assert await logged(runtime, venue) == []


@pytest.mark.parametrize(("of", "role"), [(Role.CUSTOMER, "STAFF"), (Role.STAFF, "CUSTOMER")])
async def test_a_customer_is_no_member_of_the_team_nor_the_reverse(
    api: Api, venue: Venue, of: Role, role: str
) -> None:
    person = venue.guest if of is Role.CUSTOMER else venue.staff

    answer = await change_role(api, venue.owner, api_id(person.user), role)

    assert answer.payload["userErrors"] == [{"code": "INVALID", "path": ["role"]}]


async def test_only_an_owner_makes_or_changes_an_owner(api: Api, venue: Venue) -> None:
    made = await change_role(api, venue.admin, api_id(venue.staff.user), "OWNER")
    changed = await change_role(api, venue.admin, api_id(venue.owner.user), "STAFF")
    closed = await deactivate(api, venue.admin, api_id(venue.owner.user))

    assert made.codes == changed.codes == closed.codes == ["FORBIDDEN"]


async def test_the_last_owner_stays_one(api: Api, venue: Venue) -> None:
    owner = api_id(venue.owner.user)
    # Not joined yet, so not counted.
    await invite(api, venue.owner, role="OWNER")

    demoted = await change_role(api, venue.owner, owner, "ADMIN")
    closed = await deactivate(api, venue.owner, owner)

    assert demoted.payload["userErrors"] == [{"code": "INVALID", "path": ["role"]}]
    assert closed.payload["userErrors"] == [{"code": "INVALID", "path": ["id"]}]


async def test_of_two_owners_one_may_go(api: Api, runtime: Runtime, venue: Venue) -> None:
    await joined(api, runtime, venue, role="OWNER")

    answer = await change_role(api, venue.owner, api_id(venue.owner.user), "STAFF")

    assert answer.refusals == []


async def test_two_owners_who_demote_each_other_leave_one(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    other_id, other_token = await joined(api, runtime, venue, role="OWNER")
    first_id = api_id(venue.owner.user)
    # Both are known as owners when they begin.
    assert await is_logged_in(api, venue.owner.token) and await is_logged_in(api, other_token)

    answers = await asyncio.gather(
        api(CHANGE_ROLE, {"id": other_id, "role": "STAFF"}, token=venue.owner.token),
        api(CHANGE_ROLE, {"id": first_id, "role": "STAFF"}, token=other_token),
    )

    assert sorted(answer.refusals for answer in answers) == [[], ["INVALID"]]


async def test_an_id_of_no_user_is_not_found(api: Api, runtime: Runtime, venue: Venue) -> None:
    other = await make_venue(runtime)
    foreign, unknown = api_id(other.staff.user), api_id(venue.rooms[0])

    changed = [await change_role(api, venue.owner, id, "ADMIN") for id in (foreign, unknown, "x")]
    closed = [await deactivate(api, venue.owner, id) for id in (foreign, unknown, "x")]

    not_found = [{"code": "NOT_FOUND", "path": ["id"]}]
    assert [answer.payload["userErrors"] for answer in (*changed, *closed)] == [not_found] * 6


# ------------------------------------------------------------------------------ gone


async def test_a_deactivated_user_is_out_within_a_second(
    api: Api, clock: StoppedClock, venue: Venue
) -> None:
    email = venue.staff.user.email
    session = (await login(api, venue, email=email)).payload["session"]
    api.http.cookies.clear()
    assert await is_logged_in(api, session["accessToken"])

    closed = await deactivate(api, venue.owner, api_id(venue.staff.user))
    clock.advance(seconds=1)

    assert closed.payload["user"] == {"deactivatedAt": "2027-03-01T09:00:00Z"}
    assert not await is_logged_in(api, session["accessToken"])
    assert (await refresh(api, session["refreshToken"])).refusals == ["INVALID_CREDENTIALS"]
    assert (await login(api, venue, email=email)).refusals == ["INVALID_CREDENTIALS"]


async def test_an_invitation_ends_with_the_account(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    answer = await invite(api, venue.owner)
    token = await last_code(runtime, to="ann@example.test")

    await deactivate(api, venue.owner, answer.payload["user"]["id"])

    accepted = await accept(api, token)
    assert accepted.refusals == ["INVALID_CREDENTIALS"]


async def test_who_has_left_comes_back_by_a_new_invitation(
    api: Api, runtime: Runtime, venue: Venue
) -> None:
    email = venue.staff.user.email
    await deactivate(api, venue.owner, api_id(venue.staff.user))

    token = await invited(api, runtime, venue.owner, email=email, role="MANAGER")
    before = await login(api, venue, email=email)
    session = (await accept(api, token)).payload["session"]

    assert before.refusals == ["INVALID_CREDENTIALS"]
    assert session["user"] == {"email": email, "role": "MANAGER"}
    assert await is_logged_in(api, session["accessToken"])


async def test_deactivating_twice_is_no_error(api: Api, runtime: Runtime, venue: Venue) -> None:
    staff = api_id(venue.staff.user)
    await deactivate(api, venue.owner, staff)

    answer = await deactivate(api, venue.owner, staff)

    assert answer.refusals == []
    assert [entry.type for entry in await logged(runtime, venue)] == ["USER_DEACTIVATED"]


async def test_who_comes_back_does_not_get_their_keys_back(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    create = """mutation { createApiKey(input: { name: "Door", permissions: ["rooms:read"] }) {
        secret } }"""
    key = (await api(create, token=venue.admin.token)).payload["secret"]
    email = venue.admin.user.email

    await deactivate(api, venue.owner, api_id(venue.admin.user))
    token = await invited(api, runtime, venue.owner, email=email, role="ADMIN")
    await accept(api, token)
    clock.advance(seconds=1)

    assert (await api("{ rooms { nodes { id } } }", token=key)).codes == ["UNAUTHENTICATED"]
    assert [entry.type for entry in await logged(runtime, venue)] == [
        "API_KEY_CREATED",
        "API_KEY_REVOKED",
        "USER_DEACTIVATED",
        "USER_INVITED",
        "USER_JOINED",
    ]


async def test_a_key_made_while_the_account_was_closed_does_not_come_back(
    api: Api, runtime: Runtime, clock: StoppedClock, venue: Venue
) -> None:
    create = """mutation { createApiKey(input: { name: "Door", permissions: ["rooms:read"] }) {
        secret } }"""
    await is_logged_in(api, venue.admin.token)
    await deactivate(api, venue.owner, api_id(venue.admin.user))
    # Who calls is remembered for half a second.
    key = (await api(create, token=venue.admin.token)).payload["secret"]
    email = venue.admin.user.email

    await accept(api, await invited(api, runtime, venue.owner, email=email, role="ADMIN"))
    clock.advance(seconds=1)

    assert (await api("{ rooms { nodes { id } } }", token=key)).codes == ["UNAUTHENTICATED"]


async def test_sessions_of_others_go_on(api: Api, clock: StoppedClock, venue: Venue) -> None:
    session = await logged_in(api, venue)

    await deactivate(api, venue.owner, api_id(venue.staff.user))
    clock.advance(seconds=1)

    assert await is_logged_in(api, session["accessToken"])
