"""Internal errors are masked for clients, and logged without personal data."""

import asyncpg
import pytest
from graphql import ExecutionResult, FieldNode, GraphQLError, Visitor, parse, visit
from structlog.testing import capture_logs

from domain.core.refusals import Invalid
from execution.error_formatting import format_failure, in_document_order
from kit.actor import Request
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrl, DatabaseUrls
from kit.runtime import Runtime
from kit.security.tokens import Tokens
from kit.settings import Settings
from tests.support.client import Api, live
from tests.support.clock import MONDAY_MORNING
from tests.support.factories import Venue, make_venue

CREATE = """
    mutation Add($name: String!) {
        createCustomer(input: {name: $name}) { customer { name } userErrors { code } }
    }
"""
MASKED = "Something went wrong on our side."


@pytest.fixture
async def venue(runtime: Runtime, database: DatabaseUrls) -> Venue:
    """A venue whose customers can't be stored any more."""
    made = await make_venue(runtime)
    await as_owner(
        database, "ALTER TABLE customers ADD CONSTRAINT broken CHECK (name <> 'Jane Roe')"
    )
    return made


@pytest.fixture(autouse=True)
async def repaired(database: DatabaseUrls) -> None:
    await as_owner(database, "ALTER TABLE customers DROP CONSTRAINT IF EXISTS broken")


async def as_owner(database: DatabaseUrls, sql: str) -> None:
    connection = await asyncpg.connect(database.owner)
    await connection.execute(sql)
    await connection.close()


async def test_a_fault_is_masked_and_named_by_the_request(api: Api, venue: Venue) -> None:
    answer = await api(CREATE, {"name": "Jane Roe"}, token=venue.owner.token)

    assert answer.status == 200
    assert answer.partial == {"createCustomer": None}
    (error,) = answer.errors
    assert error["message"] == MASKED
    assert error["path"] == ["createCustomer"]
    assert error["extensions"] == {"code": "INTERNAL", "requestId": answer.headers["x-request-id"]}


def test_several_refusals_of_a_field_are_told_by_the_first() -> None:
    first = Invalid("Too long.", path=("input", "party_size"))
    group = ExceptionGroup("refused", [first, ExceptionGroup("more", [Invalid("Too late.")])])
    faulty = ExceptionGroup("refused", [first, ValueError("a fault")])

    told = format_failure(group, Request(new_id()))
    masked = format_failure(faulty, Request(new_id()))

    assert told[0]["message"] == "Too long."
    assert told[0]["extensions"] == {
        "code": "BAD_USER_INPUT",
        "argumentPath": ["input", "partySize"],
    }
    assert masked[0]["message"] == MASKED


async def test_a_fault_is_masked_on_a_websocket(server: str, venue: Venue) -> None:
    async with live(server, token=venue.owner.token) as client:
        message = await (await client.subscribe(CREATE, {"name": "Jane Roe"})).message()

    payload = message["payload"]
    (error,) = payload["errors"]
    assert error["message"] == MASKED
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["requestId"] == payload["extensions"]["requestId"]


async def test_a_fault_is_logged_once_and_names_nobody(api: Api, venue: Venue) -> None:
    with capture_logs() as logs:
        await api(CREATE, {"name": "Jane Roe"}, token=venue.owner.token)

    (failed,) = [line for line in logs if line["event"] == "operation.failed"]
    assert failed["sqlstate"] == "23514"
    assert any("resolvers/customers/customers.py" in line for line in failed["trace"])
    assert "Jane" not in str(logs)


async def test_every_operation_is_one_line_of_the_log(api: Api, venue: Venue) -> None:
    with capture_logs() as logs:
        answer = await api(CREATE, {"name": "Mary Major"}, token=venue.owner.token)

    (line,) = [line for line in logs if line["event"] == "operation"]
    assert line.pop("duration_ms") > 0
    assert line == {
        "event": "operation",
        "log_level": "info",
        "request": answer.headers["x-request-id"],
        "name": "Add",
        "type": "mutation",
        "status": "ok",
        "codes": [],
        "cost": 10,
        "tenant": venue.tenant.id,
    }


async def test_an_answer_has_at_most_ten_errors(api: Api) -> None:
    rooms = " ".join(f"r{number}: rooms {{ nodes {{ id }} }}" for number in range(12))

    answer = await api(f"{{ {rooms} }}")

    assert answer.codes == ["UNAUTHENTICATED"] * 10
    assert len(answer.partial) == 12


async def test_the_character_nul_is_the_callers_mistake(api: Api, venue: Venue) -> None:
    answer = await api(CREATE, {"name": "Mary\0Major"}, token=venue.owner.token)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert (
        answer.errors[0]["message"] == "NewCustomerInput.name: Text can't contain NUL characters."
    )


async def test_a_page_size_out_of_range_is_the_callers_mistake(api: Api, venue: Venue) -> None:
    answer = await api("{ rooms(first: 251) { nodes { id } } }", token=venue.owner.token)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.errors[0]["path"] == ["rooms"]


class TestWithoutADatabase:
    """Errors while the database is unavailable."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        away = DatabaseUrl("postgresql://boom_app@127.0.0.1:1/nowhere")
        return settings.model_copy(update={"app_database_url": away, "relay_database_url": away})

    async def test_a_change_is_refused_as_unavailable(self, api: Api) -> None:
        login = """mutation { login(input: {subdomain: "a", email: "a@b.test", password: "x"}) {
            userErrors { code }
        } }"""

        answer = await api(login)

        assert answer.codes == ["UNAVAILABLE"]
        assert answer.errors[0]["message"] == "The service is unavailable; try again in a moment."
        assert answer.headers["retry-after"] == "1"

    async def test_a_token_cannot_be_checked(self, api: Api, settings: Settings) -> None:
        token, _ = Tokens(settings.secret).sign(
            tenant_id=new_id(), user_id=new_id(), session_id=new_id(), now=MONDAY_MORNING
        )

        answer = await api("{ __typename }", token=token)

        assert answer.status == 503
        assert answer.codes == ["UNAVAILABLE"]
        assert answer.headers["retry-after"] == "1"

    async def test_the_process_is_alive_but_not_ready(self, api: Api) -> None:
        live, ready = await api.http.get("/livez"), await api.http.get("/readyz")

        assert live.status_code == 200
        assert ready.status_code == 503
        assert ready.json()["database"] == "away"


def test_errors_stand_in_the_order_of_what_they_concern() -> None:
    document = parse("{ rooms { id bookings } nothing { late\n early } last }")
    fields: dict[str, FieldNode] = {}

    class Named(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            fields[node.name.value] = node

    visit(document, Named())
    paths: list[list[str | int]] = [
        ["last"],
        ["nothing", "early"],
        ["rooms", 1, "bookings"],
        ["nothing", "late"],
        ["rooms", 1, "id"],
        ["rooms", 0, "bookings"],
    ]
    errors = [GraphQLError("no", fields[str(path[-1])], path=path) for path in paths]
    row = {"id": None, "bookings": None}

    result = ExecutionResult({"rooms": [row, dict(row)], "nothing": None, "last": None}, errors)

    assert [error.path for error in in_document_order(result)] == [
        ["rooms", 0, "bookings"],
        ["rooms", 1, "id"],
        ["rooms", 1, "bookings"],
        ["nothing", "late"],
        ["nothing", "early"],
        ["last"],
    ]


@pytest.mark.parametrize(
    ("start", "message", "column"),
    [
        ('{at: "noon"}', "DateTime is an RFC 3339 instant with an offset, such as", 40),
        (f"{{at: 1{'0' * 25}}}", f"DateTime cannot represent a non string value: 1{'0' * 25}", 40),
        ("{local: {date: 5, time: null}}", "Date cannot represent a non string value: 5", 50),
        ("null", "Expected value of non-null type 'StartInput!' not to be null.", 35),
        ("{}", "Within OneOf Input Object type 'StartInput', exactly one field must be", 35),
    ],
)
async def test_a_literal_that_cannot_be_read_is_told_with_its_place(
    api: Api, start: str, message: str, column: int
) -> None:
    answer = await api(
        f'{{ explainSlot(roomId: "x", start: {start}, durationMinutes: 60) {{ state }} }}'
    )

    assert answer.errors[0]["message"].startswith(message)
    assert answer.errors[0]["locations"] == [{"line": 1, "column": column}]


async def test_a_variable_that_may_be_null_is_not_taken_for_one_of_several(api: Api) -> None:
    answer = await api(
        """query ($at: DateTime) {
          explainSlot(roomId: "x", start: {at: $at}, durationMinutes: 60) { state }
        }"""
    )

    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert answer.errors[0]["message"] == (
        "Variable '$at' is of type 'DateTime' but must be non-nullable to be used for OneOf Input "
        "Object 'StartInput'."
    )
