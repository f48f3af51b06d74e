"""Which queries can be stored, as those of webhooks."""

from typing import Any, Final, cast

import pytest
from graphql import parse, validate

from execution.stored_queries import StoredQueries
from resolvers.webhooks.object_queries import DEFAULT_QUERY
from schema import schema

ONE_ROOT: Final = "Its variable must be `$id: ID!` alone, and its root field `node(id: $id)`."
GOOD: Final = [
    DEFAULT_QUERY,
    "query ($id: ID!) { node(id: $id) { id } }",
    "query Named($id: ID!) { changed: node(id: $id) { ... on Booking { reference } } }",
]
BAD: Final = {
    "": "Syntax Error: Unexpected <EOF>.",
    "query ($id: ID!) { node(id: $id) { nothing } }": (
        "Cannot query field 'nothing' on type 'Node'."
    ),
    "{ node(id: 1) { id } }": ONE_ROOT,
    "query ($id: ID!) { node(id: $id) { id } rooms { totalCount } }": ONE_ROOT,
    "query ($id: ID!) { nodes(ids: [$id]) { id } }": ONE_ROOT,
    "query ($id: ID!, $n: Int) { node(id: $id) { ... on Customer { bookings(first: $n) "
    "{ totalCount } } } }": ONE_ROOT,
    "query ($id: ID! = 1) { node(id: $id) @skip(if: true) { id } }": ONE_ROOT,
    "query A($id: ID!) { node(id: $id) { id } } query B($id: ID!) { node(id: $id) { id } }": (
        "Set `operationName`: the document doesn't have exactly one operation."
    ),
    "mutation ($id: ID!) { archiveRoom(id: $id, version: 1) { room { id } } }": (
        "It must be a query."
    ),
    "subscription { bookingChanged { __typename } }": "It must be a query.",
    "query ($id: ID!) { node(id: $id) { ... on Customer { bookings(first: 250) "
    "{ nodes { id } } } } }": "It costs 252 points, and at most 100 are allowed.",
}


@pytest.fixture
def queries() -> StoredQueries:
    """What only looks at queries needs nothing to run them."""
    return StoredQueries(schema, cast("Any", None), cast("Any", None))


@pytest.mark.parametrize("query", GOOD, ids=range(len(GOOD)))
async def test_a_query_of_the_object_can_be_stored(queries: StoredQueries, query: str) -> None:
    assert await queries.problems(query) == []


@pytest.mark.parametrize("query", BAD, ids=range(len(BAD)))
async def test_any_other_has_a_problem(queries: StoredQueries, query: str) -> None:
    assert BAD[query] in await queries.problems(query)


def test_the_default_query_is_valid() -> None:
    assert validate(schema._schema, parse(DEFAULT_QUERY)) == []
