"""Variables are read exactly as graphql-core reads them, with better messages."""

from typing import Any

import pytest
from graphql import (
    VariableValues,
    build_schema,
    get_variable_values,
    parse,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.graphql.variable_reader import MAX_ERRORS, Variables

SCHEMA = build_schema(
    """
    enum Colour { RED GREEN }
    input Size @oneOf { metres: Int, feet: Float }
    input Wall { colour: Colour!, sizes: [Size!], name: String = "wall", inner: Wall }
    type Query { f(a: Int, b: [ID!], c: Wall, d: Colour, e: Boolean!, g: String): Int }
    """
)
OPERATION: Any = parse(
    """
    query ($a: Int = 3, $b: [ID!], $c: Wall, $d: Colour = RED, $e: Boolean!, $g: String!) {
      f(a: $a, b: $b, c: $c, d: $d, e: $e, g: $g)
    }
    """
).definitions[0]
VARIABLES = Variables.of(SCHEMA, OPERATION)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.sampled_from(["RED", "BLUE", "", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["colour", "sizes", "name", "inner", "metres", "feet", "other"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)
right = st.fixed_dictionaries(
    {"e": st.booleans(), "g": st.text(max_size=3)},
    optional={"a": st.integers(0, 9), "b": st.just(["1"]), "d": st.sampled_from(["RED", None])},
)
sent = st.dictionaries(st.sampled_from("abcdegz"), anything, max_size=7)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(right, sent)
def test_values_and_errors_are_those_of_graphql_core(
    right: dict[str, Any], sent: dict[str, Any]
) -> None:
    for values in (right, sent, {**right, **sent}, {**sent, **right}):
        assert comparable(VARIABLES.read(values, hide_suggestions=False)) == comparable(
            get_variable_values(SCHEMA, OPERATION.variable_definitions, values, MAX_ERRORS)
        )


@pytest.mark.parametrize("depth", [10, 300, 2000])
def test_what_is_nested_too_deeply_is_refused_alike(depth: int) -> None:
    wall: dict[str, Any] = {"colour": "RED"}
    for _ in range(depth):
        wall = {"colour": "RED", "inner": wall}
    values = {"c": wall, "e": True, "g": ""}

    read = VARIABLES.read(values, hide_suggestions=False)

    expected = get_variable_values(SCHEMA, OPERATION.variable_definitions, values, MAX_ERRORS)
    assert isinstance(read, list) == isinstance(expected, list) == (depth > 10)


EXACTLY_ONE = (
    "Within OneOf Input Object type 'Size', exactly one field must be specified, and the value for "
    "that field must be non-null."
)


@pytest.mark.parametrize(
    ("name", "value", "place", "message"),
    [
        ("a", True, "", "Int cannot represent non-integer value: true"),
        ("a", "1", "", 'Int cannot represent non-integer value: "1"'),
        ("b", [None], " at [0]", "Expected value of non-null type 'ID!' not to be null."),
        ("b", {"x": [1]}, "", "ID cannot represent value: {x: [1]}"),
        ("c", "red", "", "Expected value of type 'Wall' to be an object, found: \"red\"."),
        (
            "c",
            {"name": None, "sizes": [{"feet": 1.5}, {}], "inner": {"colour": "RED"}},
            "",
            "Expected value of type 'Wall' to include required field 'colour', found: "
            '{name: null, sizes: [{...}, {}], inner: {colour: "RED"}}.',
        ),
        (
            "c",
            {"colour": "RED", "sizes": [{"feet": 1}, {"feet": 1, "metres": None}]},
            " at .sizes[1]",
            EXACTLY_ONE,
        ),
    ],
)
def test_errors_are_in_the_words_of_graphql(
    name: str, value: object, place: str, message: str
) -> None:
    read = VARIABLES.read({"e": True, "g": "", name: value}, hide_suggestions=False)

    assert isinstance(read, list)
    assert read[0].message == f"Variable '${name}' has invalid value{place}: {message}"


def test_what_is_quoted_is_short() -> None:
    read = VARIABLES.read({"e": "x" * 100_000, "g": ["y" * 100_000] * 9}, hide_suggestions=False)

    assert isinstance(read, list)
    assert [len(error.message) < 400 for error in read] == [True, True]


def test_an_operation_without_variables_has_no_values() -> None:
    operation: Any = parse("{ f(e: true) }").definitions[0]

    assert Variables.of(SCHEMA, operation).read({"a": 1}, hide_suggestions=False) == ({}, {})


def comparable(result: VariableValues | list[Any]) -> Any:
    if isinstance(result, list):
        # Which variable, and where in it; what is said of it is in words of ours.
        return [
            (error.message.partition(": ")[0], error.locations) for error in result[:MAX_ERRORS]
        ]
    return result.coerced, {name: source.value for name, source in result.sources.items()}
