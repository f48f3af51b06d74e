"""Arguments are coerced exactly as graphql-core coerces them."""

from typing import Any

import pytest
from graphql import GraphQLError, VariableValues, build_schema, get_argument_values, parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.graphql import argument_templates
from kit.graphql.argument_templates import ArgumentTemplates
from kit.graphql.variable_reader import Variables

SCHEMA = build_schema(
    """
    scalar Anything
    input Size @oneOf { metres: Int, feet: Int }
    input Wall { colour: String!, sizes: [Size], name: String = "wall", inner: Wall }
    type Query {
      f(a: Int! = 1, b: [Int], c: Wall, d: Int = 4, e: Size, g: Anything): Int
    }
    """
)
DOCUMENT: Any = parse(
    """
    query ($i: Int, $j: Int = 2, $s: String, $list: [Int], $wall: Wall, $size: Size) {
      v1: f(a: $i, b: $list, c: $wall, d: $j, e: $size)
      v2: f(a: 2, b: [1, $i, 3], c: {colour: $s, name: $s, inner: {colour: "red"}})
      v3: f(c: {colour: "red", sizes: [{metres: $i}, $size], inner: $wall}, d: $i)
      v4: f(e: {feet: $j}, b: $j)
      v5: f(g: [$i, {s: $s}], c: null)
      v6: f
    }
    """
)
(OPERATION,) = DOCUMENT.definitions
NODES = OPERATION.selection_set.selections
assert SCHEMA.query_type is not None
FIELD = SCHEMA.query_type.fields["f"]
VARIABLES = Variables.of(SCHEMA, OPERATION)

numbers = st.none() | st.integers(0, 9)
sizes = st.none() | st.fixed_dictionaries({"metres": st.integers(0, 9)})
sent = st.fixed_dictionaries(
    {},
    optional={
        "i": numbers,
        "j": numbers,
        "s": st.none() | st.text(max_size=2),
        "list": st.none() | st.lists(numbers, max_size=2),
        "wall": st.none() | st.fixed_dictionaries({"colour": st.text(max_size=2)}),
        "size": sizes,
    },
)


def outcome(read: Any) -> Any:
    try:
        return read()
    except GraphQLError as error:
        return error.message


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests=st.lists(sent, min_size=2, max_size=8))
def test_every_request_has_its_own_values(requests: list[dict[str, Any]]) -> None:
    templates = ArgumentTemplates()

    for request in requests:
        variables = VARIABLES.read(request, hide_suggestions=True)
        assert isinstance(variables, VariableValues)
        for place, node in enumerate(NODES):
            read = outcome(lambda: templates.read(place, FIELD, node, variables))  # noqa: B023
            expected = outcome(lambda: get_argument_values(FIELD, node, variables))  # noqa: B023
            assert read == expected


def test_templates_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(argument_templates, "MAX_TEMPLATES", 3)
    templates = ArgumentTemplates()
    variables = VARIABLES.read({"i": 5}, hide_suggestions=True)
    assert isinstance(variables, VariableValues)

    read = [templates.read(key, FIELD, NODES[0], variables)["a"] for key in range(10)]

    assert read == [5] * 10
    assert len(templates._fills) <= 3
