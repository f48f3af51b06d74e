"""Limits on the cost of a caller's operations: each one, and over time."""

import pytest
import pytest_asyncio
from starlette.applications import Starlette

from domain.tenants.plans import PlanCode
from execution.caller_rate_limit import RateLimiter
from kit.runtime import Runtime
from kit.settings import Settings
from tests.support.client import Api, live
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, make_venue
from tests.support.known import make_known

POINTS_251 = "{ rooms(first: 250) { nodes { name } } }"
RATE_LIMIT = "{ rateLimit { cost limit remaining restoreRate resetAt } }"
KNOWN = [POINTS_251, RATE_LIMIT, "{ tenant { name } }", "{ __typename }"]
MANY_SLOTS = """{ availability(query: {
    from: "2027-03-02T00:00:00Z", to: "2027-03-08T00:00:00Z", durationMinutes: 60
    includeUnavailable: true
}) { slots { startsAt state reasons { code message } } } }"""
POINTS_5271 = "{ rooms(first: 20) { nodes { bookings(first: 250) { nodes { id } } } } }"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"rate_limit": True})


@pytest_asyncio.fixture(autouse=True)
async def known(api: Api, runtime: Runtime, clock: StoppedClock) -> None:
    await make_known(api, runtime, clock, KNOWN, plans=[*PlanCode])


@pytest.fixture
async def venue(runtime: Runtime) -> Venue:
    return await make_venue(runtime, plan=PlanCode.STARTER)


async def test_every_answer_tells_its_cost(api: Api, venue: Venue) -> None:
    answer = await api(POINTS_251, token=venue.owner.token)

    assert answer.extensions["cost"] == {
        "requestedQueryCost": 251,
        "actualQueryCost": 251,
        "throttleStatus": {
            "maximumAvailable": 4000,
            "currentlyAvailable": 3749,
            "restoreRate": 100,
        },
    }


@pytest.mark.parametrize(
    ("plan", "maximum", "restore_rate"),
    [
        (PlanCode.STARTER, 4000, 100),
        (PlanCode.PROFESSIONAL, 10_000, 400),
        (PlanCode.ENTERPRISE, 20_000, 1000),
    ],
)
async def test_the_plan_says_how_much(
    api: Api, runtime: Runtime, plan: PlanCode, maximum: int, restore_rate: int
) -> None:
    venue = await make_venue(runtime, plan=plan)

    answer = await api("{ tenant { name } }", token=venue.owner.token)

    assert answer.extensions["cost"]["throttleStatus"] == {
        "maximumAvailable": maximum,
        "currentlyAvailable": maximum - 1,
        "restoreRate": restore_rate,
    }


async def test_an_empty_bucket_refuses_until_points_are_back(
    api: Api, venue: Venue, clock: StoppedClock
) -> None:
    for _ in range(15):
        await api(POINTS_251, token=venue.owner.token)

    refused = await api(POINTS_251, token=venue.owner.token)
    clock.advance(seconds=1)
    allowed = await api(POINTS_251, token=venue.owner.token)

    assert refused.status == 429
    assert refused.codes == ["THROTTLED"]
    assert refused.headers["retry-after"] == "1"
    assert "data" not in refused.body
    assert refused.extensions["cost"]["actualQueryCost"] == 0
    assert refused.extensions["cost"]["throttleStatus"]["currentlyAvailable"] == 235
    assert allowed.status == 200


async def test_what_was_answered_beyond_the_price_is_a_debt(
    api: Api, app: Starlette, runtime: Runtime, clock: StoppedClock
) -> None:
    venue = await make_venue(runtime, rooms=5, slot_minutes=5, hours={}, plan=PlanCode.STARTER)
    token = venue.owner.token
    first = await api(MANY_SLOTS, token=token)
    left = first.extensions["cost"]["throttleStatus"]["currentlyAvailable"]
    limiter: RateLimiter = app.state.rate_limiter
    limiter.charge(venue.owner.actor, None, left - 130, now=clock())

    answered = await api(MANY_SLOTS, token=token)
    refused = await api("{ tenant { name } }", token=token)
    clock.advance(seconds=1)
    again = await api("{ tenant { name } }", token=token)

    assert answered.status == 200
    assert answered.extensions["cost"] == {
        "requestedQueryCost": 121,
        # 88 more for the reasons of 8,640 slots, each of which is an object.
        "actualQueryCost": 209,
        "throttleStatus": {
            "maximumAvailable": 4000,
            "currentlyAvailable": 0,
            "restoreRate": 100,
        },
    }
    assert (refused.status, refused.codes) == (429, ["THROTTLED"])
    # 79 of the 100 that came back were owed.
    assert again.extensions["cost"]["throttleStatus"]["currentlyAvailable"] == 20


async def test_each_login_has_a_bucket_of_its_own(api: Api, venue: Venue) -> None:
    await api(POINTS_251, token=venue.owner.token)

    answer = await api("{ tenant { name } }", token=venue.staff.token)

    assert answer.extensions["cost"]["throttleStatus"]["currentlyAvailable"] == 3999


async def test_strangers_at_one_address_share_a_bucket(api: Api) -> None:
    await api(POINTS_251)

    answer = await api("{ __typename }")

    assert answer.extensions["cost"]["throttleStatus"]["currentlyAvailable"] == 3748


async def test_what_is_refused_costs_what_it_took_to_read_it(api: Api, venue: Venue) -> None:
    await api(POINTS_251, token=venue.owner.token, variables={"no": ["x"] * 101})
    await api("{", token=venue.owner.token)
    await api("{ nothing }", token=venue.owner.token)

    answer = await api("{ __typename }", token=venue.owner.token)

    assert answer.extensions["cost"]["throttleStatus"]["currentlyAvailable"] == 3996


async def test_what_is_not_known_yet_costs_by_its_length_and_by_its_statement(
    api: Api, venue: Venue
) -> None:
    query = "query Again { rooms(first: 9) { nodes { name description capacity } } }"

    first = await api(query, token=venue.owner.token)
    again = await api(query, token=venue.owner.token)

    # 10 for the rooms, 2 to read 19 tokens, and 6 to make a statement of 5 fields.
    assert first.extensions["cost"]["requestedQueryCost"] == 10
    assert first.extensions["cost"]["actualQueryCost"] == 18
    assert first.extensions["cost"]["throttleStatus"]["currentlyAvailable"] == 3982
    assert again.extensions["cost"]["actualQueryCost"] == 10
    assert again.extensions["cost"]["throttleStatus"]["currentlyAvailable"] == 3972


async def test_strangers_pay_four_times_as_much_for_what_is_not_known_yet(api: Api) -> None:
    await api("query Again { __typename }")

    answer = await api("query Again { __typename }")

    assert answer.extensions["cost"]["throttleStatus"]["currentlyAvailable"] == 3994


async def test_each_new_shape_of_variables_costs_a_statement(api: Api, venue: Venue) -> None:
    query = "query ($filter: RoomFilter) { rooms(first: 9, filter: $filter) { nodes { name } } }"
    await api(query, {"filter": {}}, token=venue.owner.token)
    known = await api(query, {"filter": {}}, token=venue.owner.token)

    other = await api(query, {"filter": {"category": "x"}}, token=venue.owner.token)

    left = [
        answer.extensions["cost"]["throttleStatus"]["currentlyAvailable"]
        for answer in (known, other)
    ]
    assert left[0] - left[1] == 10 + 4


async def test_many_values_in_variables_cost_points(api: Api, venue: Venue) -> None:
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    await api(query, {"ids": []}, token=venue.owner.token)
    before = await api(query, {"ids": []}, token=venue.owner.token)

    after = await api(query, {"ids": [], "more": [["x"] * 99] * 3}, token=venue.owner.token)

    left = [
        answer.extensions["cost"]["throttleStatus"]["currentlyAvailable"]
        for answer in (before, after)
    ]
    assert left[0] - left[1] == 1 + 3


async def test_a_stranger_may_send_500_tokens(api: Api, venue: Venue) -> None:
    query = "{ " + "__typename " * 5 + "rateLimit { " + "... { cost limit } " * 98 + "} }"
    longer = query.replace("cost", "cost remaining", 1)

    assert (await api(query)).status == 200
    refused = await api(longer)
    known = await api(longer, token=venue.owner.token)
    again = await api(longer)

    assert known.status == 200
    assert refused.errors == again.errors
    assert refused.codes == ["TOO_COMPLEX"]
    assert refused.errors[0]["extensions"]["limit"] == 500


async def test_one_operation_costs_at_most_2000_points(api: Api, venue: Venue) -> None:
    answer = await api(POINTS_5271, token=venue.owner.token)

    assert answer.codes == ["TOO_COMPLEX"]
    assert answer.errors[0]["extensions"]["limit"] == 2000
    assert "data" not in answer.body


async def test_a_socket_pays_like_a_request(server: str, venue: Venue) -> None:
    async with live(server, token=venue.owner.token) as client:
        for _ in range(15):
            await (await client.subscribe(POINTS_251)).next()

        errors = await (await client.subscribe(POINTS_251)).errors()

    assert errors[0]["extensions"] == {"code": "THROTTLED", "retryAfterSeconds": 1}


async def test_a_caller_can_ask_what_is_left(api: Api, venue: Venue, clock: StoppedClock) -> None:
    await api(POINTS_251, token=venue.owner.token)

    answer = await api(RATE_LIMIT, token=venue.owner.token)

    assert answer.payload == {
        "cost": 1,
        "limit": 4000,
        "remaining": 3748,
        "restoreRate": 100,
        "resetAt": "2027-03-01T09:00:03Z",
    }


@pytest.mark.parametrize(
    ("query", "limit"),
    [
        ("{ " + "node(id: \"x\") { ... on Room { bookings { nodes { room { bookings { nodes { room "
         "{ bookings { nodes { room { bookings { nodes { id } } } } } } } } } } } } } }", 12),
        ("{ " + " ".join(f"a{n}: __typename" for n in range(31)) + " }", 30),
        ("mutation { " + " ".join(
            f'm{n}: archiveRoom(id: "x", version: 1) {{ room {{ id }} }}' for n in range(5)
        ) + " }", 4),
        ("{ nodes(ids: [" + ", ".join(['"x"'] * 101) + "]) { id } }", 100),
    ],
)  # fmt: skip
async def test_a_shape_over_a_limit_is_refused(
    api: Api, venue: Venue, query: str, limit: int
) -> None:
    answer = await api(query, token=venue.owner.token)

    assert answer.codes == ["TOO_COMPLEX"]
    assert answer.errors[0]["extensions"]["limit"] == limit


async def test_a_document_over_2000_tokens_is_refused(api: Api) -> None:
    answer = await api("{ " + "__typename " * 2000 + "}")

    assert answer.codes == ["TOO_COMPLEX"]


async def test_a_document_nested_beyond_reason_is_refused(api: Api) -> None:
    answer = await api("{ a " * 900 + "}" * 900)

    assert answer.codes == ["GRAPHQL_PARSE_FAILED"]


async def test_a_long_list_in_a_variable_is_refused(api: Api, venue: Venue) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"

    answer = await api(query, {"ids": ["x"] * 101}, token=venue.owner.token)

    assert answer.codes == ["TOO_COMPLEX"]


class TestWithoutALimitOverTime:
    """BOOM_RATE_LIMIT=off: costs are reported, and single operations still capped."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"rate_limit": False})

    async def test_the_bucket_stays_full(self, api: Api, venue: Venue) -> None:
        await api(POINTS_251, token=venue.owner.token)

        answer = await api(POINTS_251, token=venue.owner.token)

        assert answer.extensions["cost"]["requestedQueryCost"] == 251
        assert answer.extensions["cost"]["throttleStatus"]["currentlyAvailable"] == 4000

    async def test_one_operation_is_capped(self, api: Api, venue: Venue) -> None:
        answer = await api(POINTS_5271, token=venue.owner.token)

        assert answer.codes == ["TOO_COMPLEX"]
