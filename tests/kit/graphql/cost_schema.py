"""A small schema with costs, and documents made for it together with what they should measure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableValues,
    build_schema,
    get_variable_values,
)
from hypothesis import strategies as st

from kit.graphql.cost import Cost, Estimate

SDL = """
type Query {
  person: Person
  people(first: Int, last: Int): People
  nodes(ids: [ID!]!): [Person]
  grid(area: Area!): Grid
  matches(filter: Filter): Int
}
input Area { width: Int!, height: Int = 3 }
input Filter { any: [Filter!], names: [String!] }
type Grid { cells: [Cell] }
type Cell { person: Person }
interface Named { name: String }
type Person implements Named { name: String, best: Person, friends(first: Int, last: Int): People }
type People { nodes: [Person] }
type Mutation { save(input: Filter): Person }
"""
PAGE = Cost(multipliers=("first", "last"))


def area(arguments: Mapping[str, Any]) -> int:
    """Returns the number of cells in the requested grid."""
    width, height = arguments["area"]["width"], arguments["area"]["height"]
    return int(width) * int(height)


def social_schema() -> GraphQLSchema:
    """Returns the schema, with a cost on every field that has one."""
    schema = build_schema(SDL)
    price(schema, "Query", "person", Cost())
    price(schema, "Query", "people", PAGE)
    price(schema, "Query", "nodes", Cost(weight=0, multipliers=("ids",)))
    price(schema, "Query", "grid", Cost(size=area))
    price(schema, "Mutation", "save", Cost(weight=10))
    price(schema, "Person", "friends", PAGE)
    return schema


def cost_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    *,
    variables: Mapping[str, Any],
) -> int:
    """Returns the points of an operation; 0 if its variables are refused: nothing runs then."""
    values = get_variable_values(schema, operation.variable_definitions or (), dict(variables))
    if not isinstance(values, VariableValues):
        return 0
    return Estimate.of(schema, document, operation).cost(values)


def price(schema: GraphQLSchema, type_name: str, field_name: str, cost: Cost) -> None:
    """Gives a field its cost."""
    type_ = schema.type_map[type_name]
    assert isinstance(type_, GraphQLObjectType)
    type_.fields[field_name].extensions["cost"] = cost


@dataclass(frozen=True, slots=True)
class Part:
    """One selection on a person: its text, and its measures with all spreads written out."""

    text: str
    depth: int
    aliases: int
    cost: int


Parts = tuple[Part, ...]


def selected(parts: Parts) -> str:
    """Returns the selection set of these parts."""
    return "{ " + " ".join(part.text for part in parts) + " }"


def deepest(parts: Parts) -> int:
    """Returns the depth of the deepest part."""
    return max(part.depth for part in parts)


def total_aliases(parts: Parts) -> int:
    """Returns the aliases of all parts."""
    return sum(part.aliases for part in parts)


def total_cost(parts: Parts) -> int:
    """Returns the cost of all parts."""
    return sum(part.cost for part in parts)


def _inline(parts: Parts) -> Part:
    text = f"... on Person {selected(parts)}"
    return Part(text, deepest(parts), total_aliases(parts), total_cost(parts))


def _best(parts: Parts) -> Part:
    text = f"best {selected(parts)}"
    return Part(text, 1 + deepest(parts), total_aliases(parts), total_cost(parts))


def _skipped(parts: Parts) -> Part:
    text = f"... @skip(if: $yes) {selected(parts)}"
    return Part(text, deepest(parts), total_aliases(parts), 0)


def _friends(parts: Parts, argument: str, size: int) -> Part:
    text = f"close: friends{argument} {{ nodes {selected(parts)} }}"
    cost = 1 + size * (1 + total_cost(parts))
    return Part(text, 2 + deepest(parts), 1 + total_aliases(parts), cost)


PAGES = st.sampled_from([("", 20), ("(first: 3)", 3), ("(last: 0)", 0), ("(first: $seven)", 7)])
LEAVES = st.sampled_from([Part("name", 1, 0, 0), Part("title: name", 1, 1, 0)])


def _person_parts(spreads: Parts) -> st.SearchStrategy[Parts]:
    known = LEAVES | st.sampled_from(spreads) if spreads else LEAVES
    part = st.recursive(
        known,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(tuple).map(_inline),
            st.lists(inner, min_size=1, max_size=3).map(tuple).map(_best),
            st.lists(inner, min_size=1, max_size=3).map(tuple).map(_skipped),
            st.builds(
                lambda parts, page: _friends(tuple(parts), *page),
                st.lists(inner, min_size=1, max_size=3),
                PAGES,
            ),
        ),
        max_leaves=4,
    )
    return st.lists(part, min_size=1, max_size=3).map(tuple)


@dataclass(frozen=True, slots=True)
class Made:
    """A document whose measures are known."""

    text: str
    depth: int
    aliases: int
    cost: int


@st.composite
def documents(draw: st.DrawFn) -> Made:
    """Documents of up to four fragments, each of which may spread those before it."""
    spreads: Parts = ()
    fragments: list[str] = []
    for number in range(draw(st.integers(0, 4))):
        parts = draw(_person_parts(spreads))
        fragments.append(f"fragment F{number} on Person {selected(parts)}")
        depth, aliases, cost = deepest(parts), total_aliases(parts), total_cost(parts)
        spreads = (*spreads, Part(f"...F{number}", depth, aliases, cost))
    root = draw(_person_parts(spreads))
    operation = f"query ($yes: Boolean!, $seven: Int) {{ person {selected(root)} }}"
    text = "\n".join([operation, *fragments])
    return Made(text, 1 + deepest(root), total_aliases(root), 1 + total_cost(root))
