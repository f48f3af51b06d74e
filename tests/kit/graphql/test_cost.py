"""A cached cost applies only to equal variables."""

from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, get_variable_values, parse

from kit.graphql.cost import Cost, Estimate
from tests.kit.graphql.cost_schema import cost_of


@pytest.fixture
def schema() -> GraphQLSchema:
    built = build_schema(
        """
        input Filter { name: String }
        type Item { id: ID, items(first: Int = 7): [Item] }
        type Query {
          items(first: Int = 7, ids: [ID!], at: Int! = 1, filter: Filter): [Item]
          sized(days: Int): [Item]
        }
        """
    )
    query: Any = built.query_type
    query.fields["items"].extensions = {"cost": Cost(1, ("first", "ids"))}
    query.fields["sized"].extensions = {"cost": Cost(0, size=lambda given: given.get("days") or 0)}
    query.fields["items"].type.of_type.fields["items"].extensions = {"cost": Cost(1, ("first",))}
    return built


DOCUMENT = """
    query ($n: Int, $m: Int, $ids: [ID!], $at: Int = 2, $days: Int, $name: String, $all: Boolean!) {
      items(first: $n, ids: $ids, at: $at, filter: { name: $name }) {
        items(first: $m) { id }
      }
      sized(days: $days) @include(if: $all) { items { id } }
    }
"""
SENT: list[dict[str, Any]] = [
    {"all": True},
    {"all": False},
    {"all": True, "n": 5},
    {"all": True, "n": None},
    {"all": True, "n": 5, "m": 3},
    {"all": True, "ids": ["1", "2"]},
    {"all": True, "ids": ["1", "2", "3", "4"]},
    {"all": True, "n": 50, "at": None},
    {"all": True, "n": 50, "at": 9},
    {"all": True, "n": 50, "name": "x"},
    {"all": True, "days": 4},
    {"all": False, "days": 4},
]


def test_costs_don_t_depend_on_what_was_asked_before(schema: GraphQLSchema) -> None:
    document = parse(DOCUMENT)
    operation: Any = document.definitions[0]
    estimate = Estimate.of(schema, document, operation)

    for variables in [*SENT, *reversed(SENT)]:
        values: Any = get_variable_values(schema, operation.variable_definitions, variables)
        fresh = cost_of(schema, document, operation, variables=variables)
        assert estimate.cost(values) == fresh, variables


def test_few_costs_are_remembered(schema: GraphQLSchema) -> None:
    document = parse(DOCUMENT)
    operation: Any = document.definitions[0]
    estimate = Estimate.of(schema, document, operation)

    for n in range(1000):
        values: Any = get_variable_values(
            schema, operation.variable_definitions, {"all": True, "n": n}
        )
        estimate.cost(values)

    assert len(estimate.cached) <= 100


def test_a_value_that_costs_nothing_is_not_remembered(schema: GraphQLSchema) -> None:
    document = parse(DOCUMENT)
    operation: Any = document.definitions[0]
    estimate = Estimate.of(schema, document, operation)

    for n in range(10):
        values: Any = get_variable_values(
            schema, operation.variable_definitions, {"all": True, "name": str(n)}
        )
        estimate.cost(values)

    assert len(estimate.cached) == 1
