"""Limits and costs of documents, computed in time proportional to their length."""

from collections.abc import Mapping
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    OperationDefinitionNode,
    get_introspection_query,
    parse,
)
from hypothesis import given

from kit.graphql.cost import Cost
from kit.graphql.flat_document import CEILING, field_counts, flatten
from kit.graphql.query_limits import (
    Limits,
    cost_errors,
    structure_errors,
    variable_weight,
)
from tests.kit.graphql.cost_schema import Made, cost_of, documents, price, social_schema

SCHEMA = social_schema()
NO_LIMITS = Limits(
    depth=0,
    aliases=-1,
    root_mutations=0,
    spreads=1_000,
    fields=CEILING,
    repeats=1_000,
    leaves=1_000,
)


def operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]


def cost(text: str, **variables: Any) -> int:
    document = parse(text)
    return cost_of(SCHEMA, document, operations(document)[0], variables=variables)


def refusals(text: str, variables: Mapping[str, Any] | None = None) -> list[str]:
    errors = structure_errors(parse(text)) + variable_weight(variables or {})[1]
    return [error.message for error in errors]


def nested(levels: int, inside: str) -> str:
    return "best { " * levels + inside + " }" * levels


def bomb(levels: int, spreads: str) -> str:
    """Returns a chain of fragments, each of which spreads the next one twice by ``spreads``."""
    chain = "\n".join(
        f"fragment F{n} on Person {{ {spreads.replace('NEXT', f'...F{n + 1}')} }}"
        for n in range(levels)
    )
    return f"{{ person {{ ...F0 }} }}\n{chain}\nfragment F{levels} on Person {{ x: name }}"


def test_values_and_to_one_relations_are_free_and_a_root_object_costs_one() -> None:
    assert cost("{ person { name best { name } __typename } __typename }") == 1


def test_a_connection_costs_one_and_a_point_for_each_of_its_page() -> None:
    assert cost("{ people(first: 5) { nodes { name } } }") == 6


def test_a_page_that_is_not_given_or_null_has_twenty() -> None:
    assert cost("{ people { nodes { name } } }") == 21
    assert cost("{ people(first: null) { nodes { name } } }") == 21
    assert cost("query ($n: Int) { people(first: $n) { nodes { name } } }") == 21


def test_a_page_size_may_come_from_a_variable_or_its_default() -> None:
    text = "query ($n: Int = 4) { people(last: $n) { nodes { name } } }"

    assert cost(text) == 5
    assert cost(text, n=9) == 10


def test_nested_connections_multiply() -> None:
    text = "{ people(first: 5) { nodes { friends(first: 10) { nodes { name } } } } }"

    assert cost(text) == 1 + 5 * (1 + 11)


def test_a_negative_page_size_gives_no_points_back() -> None:
    assert cost("{ people(first: -100) { nodes { name } } }") == 1


def test_a_list_multiplies_by_its_items() -> None:
    assert cost('{ nodes(ids: ["a", "b", "c"]) { name } }') == 3
    assert cost("query ($ids: [ID!]!) { nodes(ids: $ids) { name } }", ids=["a", "b"]) == 2


def test_a_size_is_worked_out_from_coerced_arguments() -> None:
    assert cost("{ grid(area: {width: 5}) { cells { person { name } } } }") == 1 + 15
    assert cost("query ($w: Int!) { grid(area: {width: $w}) { cells { __typename } } }", w=2) == 7


def test_what_is_below_a_size_is_multiplied() -> None:
    text = """{ grid(area: {width: 2, height: 2}) {
      cells { person { friends(first: 3) { nodes { name } } } } } }"""

    assert cost(text) == 1 + 4 * (1 + 4)


def test_every_mutation_costs_its_weight() -> None:
    assert cost("mutation { a: save { name } b: save { friends(first: 1) { __typename } } }") == 22


def test_what_is_skipped_or_not_included_is_free() -> None:
    text = """query ($on: Boolean!) {
      people(first: 5) @include(if: $on) { nodes { name } }
      person @skip(if: $on) { name }
    }"""

    assert cost(text, on=True) == 6
    assert cost(text, on=False) == 1


def test_a_spread_that_is_skipped_is_free_where_another_of_the_same_fragment_is_not() -> None:
    text = """query ($on: Boolean!) { person { ...F @include(if: $on) best { ...F } } }
    fragment F on Person { friends(first: 2) { nodes { name } } }"""

    assert cost(text, on=False) == 4
    assert cost(text, on=True) == 7


def test_fields_behind_an_interface_cost_what_the_type_named_says() -> None:
    text = """{ person { ... on Named { ... on Person { friends(first: 2) { __typename } } } } }"""

    assert cost(text) == 4


def test_only_the_named_operation_is_costed() -> None:
    document = parse("query A { person { name } } query B { people(first: 9) { __typename } }")

    assert cost_of(SCHEMA, document, operations(document)[1], variables={}) == 10


def test_refused_variables_cost_nothing() -> None:
    assert cost("query ($n: Int) { people(first: $n) { __typename } }", n="many") == 0


def test_a_field_with_a_refused_argument_costs_only_its_weight() -> None:
    assert cost("query ($w: Int = 1) { grid(area: {width: $w}) { __typename } }", w=None) == 1


def test_an_unknown_field_or_type_costs_nothing() -> None:
    assert cost("{ nothing { friends { nodes } } person { ... on Nobody { friends } } }") == 1


def test_more_than_two_thousand_points_are_refused_with_limit_and_value() -> None:
    text = "{ people(first: 250) { nodes { friends(first: 7) { nodes { name } } } } }"

    (error,) = cost_errors(cost(text))

    assert error.message == "Too complex: 2251 points of cost, at most 2000 are allowed."
    assert error.extensions == {"code": "TOO_COMPLEX", "limit": 2000, "value": 2251}


def test_two_thousand_points_are_allowed() -> None:
    assert cost_errors(2000) == []


def test_twelve_levels_are_allowed_and_thirteen_refused() -> None:
    assert refusals(f"{{ person {{ {nested(10, 'name')} }} }}") == []
    assert refusals(f"{{ person {{ {nested(11, 'name')} }} }}") == [
        "Too complex: 13 levels of fields, at most 12 are allowed."
    ]


def test_levels_are_counted_through_fragments() -> None:
    text = f"""{{ person {{ {nested(5, "...Deep")} ...Deep }} }}
    fragment Deep on Person {{ {nested(6, "name")} }}"""

    assert refusals(text) == ["Too complex: 13 levels of fields, at most 12 are allowed."]


def test_thirty_aliases_are_allowed_and_one_more_refused() -> None:
    thirty = " ".join(f"a{n}: name" for n in range(30))

    assert refusals(f"{{ person {{ {thirty} }} }}") == []
    assert refusals(f"{{ me: person {{ {thirty} }} }}") == [
        "Too complex: 31 aliases, at most 30 are allowed."
    ]


def test_an_alias_in_a_fragment_counts_at_every_spread() -> None:
    aliases = " ".join(f"a{n}: name" for n in range(16))
    text = f"{{ person {{ ...F best {{ ...F }} }} }} fragment F on Person {{ {aliases} }}"

    assert refusals(text) == ["Too complex: 32 aliases, at most 30 are allowed."]


def test_aliases_in_introspection_count() -> None:
    aliases = " ".join(f"a{n}: description" for n in range(31))

    assert refusals(f"{{ __schema {{ {aliases} }} }}") == [
        "Too complex: 31 aliases, at most 30 are allowed."
    ]


def test_four_mutations_are_allowed_and_a_fifth_refused_also_in_a_fragment() -> None:
    four = "a: save { name } b: save { name } c: save { name } d: save { name } __typename"
    more = "fragment More on Mutation { d: save { name } e: save { name } }"

    assert refusals(f"mutation {{ {four} }}") == []
    assert refusals(f"mutation {{ {four} ... on Mutation {{ ...More }} }} {more}") == [
        "Too complex: 5 mutations, at most 4 are allowed."
    ]


def test_lists_of_a_hundred_are_allowed_and_longer_ones_refused_wherever_they_are() -> None:
    hundred = ", ".join(['"x"'] * 100)
    longer = f'{hundred}, "x"'

    assert refusals(f"{{ matches(filter: {{any: [{{names: [{hundred}]}}]}}) }}") == []
    assert refusals(f"{{ matches(filter: {{any: [{{names: [{longer}]}}]}}) }}") == [
        "Too complex: 101 items in a list, at most 100 are allowed."
    ]


def test_long_lists_in_defaults_of_variables_are_refused() -> None:
    longer = ", ".join(["1"] * 101)

    assert refusals(f"query ($ids: [ID!]! = [{longer}]) {{ nodes(ids: $ids) {{ name }} }}") == [
        "Too complex: 101 items in a list, at most 100 are allowed."
    ]


def test_long_lists_in_variables_are_refused_however_deep() -> None:
    text = "query ($f: Filter) { matches(filter: $f) }"

    assert refusals(text, {"f": {"any": [{"names": ["x"] * 100}]}}) == []
    assert refusals(text, {"f": {"any": [{"names": ["x"] * 101}]}}) == [
        "Too complex: 101 items in a list of variable '$f', at most 100 are allowed."
    ]


def test_a_hundred_selections_of_one_field_are_allowed_and_one_more_refused() -> None:
    assert refusals("{ " + "person { name } " * 100 + "}") == []
    assert refusals("{ " + "person { name } " * 100 + "person { __typename } }") == [
        "Too complex: 101 selections of one field, at most 100 are allowed."
    ]


def test_a_hundred_selections_of_one_value_are_allowed_and_one_more_refused() -> None:
    assert refusals("{ person { " + "name " * 100 + "} }") == []
    assert refusals("{ person { name: __typename " + "name " * 100 + "} }") == [
        "Too complex: 101 selections of one value, at most 100 are allowed."
    ]


def test_thirty_fragments_and_spreads_are_allowed_and_more_refused() -> None:
    def spread(fragments: int, spreads: int) -> str:
        written = " ".join(f"...F{n % fragments}" for n in range(spreads))
        made = " ".join(f"fragment F{n} on Person {{ name }}" for n in range(fragments))
        return f"{{ person {{ {written} }} }} {made}"

    assert refusals(spread(30, 30)) == []
    assert refusals(spread(1, 31)) == [
        "Too complex: 31 spreads of fragments, at most 30 are allowed."
    ]
    assert refusals(spread(31, 30)) == ["Too complex: 31 fragments, at most 30 are allowed."]


def test_two_thousand_fields_are_allowed_with_every_spread_written_out() -> None:
    text = """{ person { best { ...A } } }
    fragment A on Person { best { ...B } friends { nodes { ...B } } }
    fragment B on Person { best { ...C } friends { nodes { ...C } } }
    fragment C on Person { name }"""
    document = parse(text)

    assert field_counts(flatten(document, operations(document)))[-1] == 2 + 3 + 2 * 3 + 4
    assert [error.message for error in structure_errors(document, limits=Limits(fields=14))] == [
        "Too complex: 15 fields, at most 14 are allowed."
    ]


def test_two_spreads_of_a_fragment_side_by_side_select_once() -> None:
    document = parse("{ person { ...F ...F } } fragment F on Person { name best { name } }")

    assert field_counts(flatten(document, operations(document)))[-1] == 4


def test_five_thousand_values_in_variables_are_allowed_and_more_refused() -> None:
    assert refusals("{ a }", {"a": [{"b": [1] * 100}] * 48, "c": 1}) == []
    assert refusals("{ a }", {"a": [{"b": [1] * 100}] * 50}) == [
        "Too complex: 5001 values in the variables, at most 5000 are allowed."
    ]


def test_many_values_in_variables_cost_a_point_a_hundred() -> None:
    assert variable_weight({"a": 1, "b": {"c": [1] * 90}}) == (0, [])
    assert variable_weight({"a": [[1] * 100] * 3}) == (3, [])
    assert variable_weight({f"v{n}": n for n in range(250)}) == (2, [])


def test_numbers_of_thirty_digits_are_read_and_longer_ones_refused() -> None:
    assert refusals("{ people(first: " + "9" * 30 + ") { nodes { name } } }") == []
    assert refusals("{ people(first: " + "9" * 5_000 + ") { nodes { name } } }") == [
        "Too complex: 5000 digits of a number, at most 30 are allowed."
    ]


def test_everything_that_is_too_much_is_told_at_once() -> None:
    aliases = " ".join(f"a{n}: name" for n in range(31))

    assert refusals(f"{{ person {{ {nested(11, aliases)} }} }}") == [
        "Too complex: 13 levels of fields, at most 12 are allowed.",
        "Too complex: 31 aliases, at most 30 are allowed.",
    ]


def test_the_explorers_introspection_passes_for_a_hundred_points() -> None:
    text = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        one_of=True,
    )

    assert structure_errors(parse(text, max_tokens=500)) == []
    assert cost(text) == 100


def test_a_type_asked_for_by_name_may_be_deep_and_costs_a_hundred_points() -> None:
    deep = "ofType { " * 14 + "name" + " }" * 14

    assert refusals(f'{{ __type(name: "Person") {{ {deep} }} person {{ name }} }}') == []
    assert cost(f'{{ __type(name: "Person") {{ {deep} }} person {{ name }} }}') == 101


def test_each_alias_in_introspection_costs_as_much_again() -> None:
    assert cost("{ __schema { types { a: fields { name } b: fields { name } } } }") == 300
    assert cost("{ a: __schema { types { name } } b: __schema { types { name } } }") == 400


def test_a_cycle_of_fragments_ends() -> None:
    text = """{ person { ...A } }
    fragment A on Person { best { ...B } ...A }
    fragment B on Person { friends(first: 2) { nodes { ...A } } }"""

    assert refusals(text) == []
    assert cost(text) == 4


def test_an_unknown_fragment_is_left_to_other_rules() -> None:
    assert refusals("{ person { ...Unknown } }") == []


def test_every_operation_of_a_document_is_looked_at() -> None:
    aliases = " ".join(f"a{n}: name" for n in range(31))
    text = "query A { person { ...F } } query B { person { name } } query C { ...G }"
    more = f"fragment F on Person {{ {aliases} }} fragment G on Query {{ person {{ ...F }} }}"

    assert len(structure_errors(parse(f"{text} {more}"))) == 2


@pytest.mark.parametrize("levels", [12, 20, 60])
def test_a_bomb_of_fragments_is_read_once_for_each_spread_written(levels: int) -> None:
    document = parse(bomb(levels, "NEXT NEXT"))

    lines = flatten(document, operations(document))

    # The operation, its field and spread; a fragment and two spreads a level; the last with a name.
    assert len(lines) == 3 + 3 * levels + 2


@pytest.mark.parametrize("levels", [12, 20, 60])
def test_a_bomb_of_fragments_is_costed_once_for_each_field_written(levels: int) -> None:
    asked: list[int] = []

    def counted(arguments: Mapping[str, Any]) -> int:
        asked.append(arguments["first"])
        return 1

    schema = social_schema()
    price(schema, "Person", "friends", Cost(size=counted))
    page = "friends(first: 1) { nodes { NEXT } }"
    document = parse(bomb(levels, f"a: {page} b: {page}"))

    points = cost_of(schema, document, operations(document)[0], variables={})

    assert len(asked) == 2 * levels
    assert points > 2000


def test_a_bomb_of_sixty_levels_is_refused_with_numbers_that_fit_a_line() -> None:
    assert refusals(bomb(60, "a: best { NEXT } b: best { NEXT }")) == [
        "Too complex: 62 levels of fields, at most 12 are allowed.",
        f"Too complex: {CEILING} aliases, at most 30 are allowed.",
        f"Too complex: {CEILING} fields, at most 2000 are allowed.",
        "Too complex: 61 fragments, at most 30 are allowed.",
        "Too complex: 121 spreads of fragments, at most 30 are allowed.",
    ]


def test_a_chain_of_a_thousand_fragments_needs_no_deep_stack() -> None:
    assert refusals(bomb(1000, "NEXT")) == [
        "Too complex: 1001 fragments, at most 30 are allowed.",
        "Too complex: 1001 spreads of fragments, at most 30 are allowed.",
    ]
    assert cost(bomb(1000, "NEXT")) == 1


@given(documents())
def test_measures_equal_those_of_the_document_with_every_spread_written_out(made: Made) -> None:
    document = parse(made.text)

    found = structure_errors(document, limits=NO_LIMITS)
    points = cost_of(SCHEMA, document, operations(document)[0], variables={"yes": True, "seven": 7})

    assert [(error.extensions or {})["value"] for error in found] == [made.depth, made.aliases]
    assert points == min(made.cost, CEILING)
