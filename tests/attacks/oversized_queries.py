"""Short documents whose execution would be expensive."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

LEVELS: Final = (12, 20, 30, 45, 60)


@dataclass(frozen=True, slots=True)
class Bomb:
    """A document that must be refused with this code."""

    name: str
    text: str
    code: str
    variables: dict[str, Any] | None = None


def bombs() -> Iterator[Bomb]:
    """Returns all bombs."""
    for levels in LEVELS:
        yield from _of(levels)
    yield from _long()
    yield from _deep()
    yield from _variables()


def _of(levels: int) -> Iterator[Bomb]:
    twice = "bookings { nodes { room { NEXT } } } " * 2
    yield Bomb(f"{levels} fragments", _chain(levels, twice), "TOO_COMPLEX")
    aliased = "a: bookings { nodes { id } } NEXT NEXT"
    yield Bomb(f"{levels} aliased fragments", _chain(levels, aliased), "TOO_COMPLEX")
    yield Bomb(f"{levels} fields", _nested(levels, "bookings { nodes { room {"), "TOO_COMPLEX")
    inline = "... on Room { bookings { nodes { room {"
    # Beyond 200 braces the parser itself gives up.
    code = "TOO_COMPLEX" if levels < 50 else "GRAPHQL_PARSE_FAILED"
    yield Bomb(f"{levels} inline fragments", _nested(levels, inline), code)
    doubled = "name"
    for _ in range(min(levels, 12)):
        doubled = f"... {{ {doubled} }} ... {{ {doubled} }}"
    yield Bomb(
        f"{levels} doubled inline", f"{{ rooms {{ nodes {{ {doubled} }} }} }}", "TOO_COMPLEX"
    )
    cycle = " ".join(f"fragment F{n} on Query {{ ...F{(n + 1) % levels} }}" for n in range(levels))
    # 30 fragments may be spread once each.
    code = "GRAPHQL_VALIDATION_FAILED" if levels < 30 else "TOO_COMPLEX"
    yield Bomb(f"a cycle of {levels}", f"{{ ...F0 }} {cycle}", code)


def _chain(levels: int, spreads: str) -> str:
    chain = "".join(
        f" fragment F{n} on Room {{ {spreads.replace('NEXT', f'...F{n + 1}')} }}"
        for n in range(levels)
    )
    return f"{{ rooms {{ nodes {{ ...F0 }} }} }}{chain} fragment F{levels} on Room {{ name }}"


def _nested(levels: int, opening: str) -> str:
    closing = "}" * opening.count("{")
    return f"{{ rooms {{ nodes {{ {opening * levels} id {closing * levels} }} }} }}"


def _long() -> Iterator[Bomb]:
    many = 10_000
    yield Bomb("10,000 fields", "{ " + "__typename " * many + "}", "TOO_COMPLEX")
    yield Bomb(
        "10,000 aliases",
        "{ " + " ".join(f"a{n}: __typename" for n in range(many)) + " }",
        "TOO_COMPLEX",
    )
    yield Bomb("31 aliases", "{ " + " ".join(f"a{n}: __typename" for n in range(31)) + " }",
               "TOO_COMPLEX")  # fmt: skip
    yield Bomb("10,000 ids", '{ nodes(ids: ["' + '", "'.join("x" * many) + '"]) { id } }',
               "TOO_COMPLEX")  # fmt: skip
    yield Bomb("10,000 directives", "{ __typename " + "@skip(if: false) " * many + "}",
               "TOO_COMPLEX")  # fmt: skip
    yield Bomb("990 directives", "{ __typename " + "@a " * 990 + "}",
               "GRAPHQL_VALIDATION_FAILED")  # fmt: skip
    yield Bomb("490 selections of one field", "{ " + "rooms { __typename } " * 490 + "}",
               "TOO_COMPLEX")  # fmt: skip
    yield Bomb("1,990 names nobody knows", "{ " + "availabilit " * 1_990 + "}",
               "TOO_COMPLEX")  # fmt: skip
    yield Bomb("1,990 other names nobody knows",
               "{ " + " ".join(f"availabilit{n}" for n in range(1_990)) + "}",
               "GRAPHQL_VALIDATION_FAILED")  # fmt: skip
    spread = " ".join(f"...F{n}" for n in range(200))
    tiny = " ".join(f"fragment F{n} on Query {{ __typename }}" for n in range(200))
    yield Bomb("200 fragments", f"{{ {spread} }} {tiny}", "TOO_COMPLEX")
    yield Bomb("a name of 200,000 letters", "{ " + "a" * 200_000 + " }",
               "GRAPHQL_VALIDATION_FAILED")  # fmt: skip
    yield Bomb("a number of 200,000 digits",
               "{ rooms(first: " + "9" * 200_000 + ") { nodes { id } } }",
               "TOO_COMPLEX")  # fmt: skip
    yield Bomb("a string without an end", '{ room(id: "' + "a" * 200_000,
               "GRAPHQL_PARSE_FAILED")  # fmt: skip
    yield Bomb("NUL", "{ rooms\0 }", "GRAPHQL_PARSE_FAILED")
    yield Bomb("half a surrogate pair", '{ room(id: "\\ud800") { id } }', "GRAPHQL_PARSE_FAILED")
    yield Bomb("390 operations", "query Q { __typename } " * 390, "TOO_COMPLEX")
    yield Bomb("90 operations", "query Q { __typename } " * 90, "GRAPHQL_VALIDATION_FAILED")
    mutations = " ".join(
        f'm{n}: archiveRoom(id: "x", version: 1) {{ room {{ id }} }}' for n in range(5)
    )
    yield Bomb("5 mutations", f"mutation {{ {mutations} }}", "TOO_COMPLEX")
    history = "history(first: 250) { nodes { at } }"
    pages = f"{{ rooms(first: 250) {{ nodes {{ bookings {{ nodes {{ {history} }} }} }} }} }}"
    yield Bomb("a page of pages", pages, "TOO_COMPLEX")
    yield Bomb("introspection of introspection",
               "{ __schema { types { " + "fields { type { " * 5 + "name" + " } }" * 5 + " } } }",
               "GRAPHQL_VALIDATION_FAILED")  # fmt: skip


def _deep() -> Iterator[Bomb]:
    for levels in (150, 300, 990, 20_000):
        # Below 200 levels the parser reads on, and the rules of GraphQL refuse it.
        is_read = levels < 200
        fields = "TOO_COMPLEX" if is_read else "GRAPHQL_PARSE_FAILED"
        values = "GRAPHQL_VALIDATION_FAILED" if is_read else "GRAPHQL_PARSE_FAILED"
        lists, braces = "[" * levels, "{ a " * levels
        yield Bomb(f"{levels} levels of fields", braces + "}" * levels, fields)
        yield Bomb(f"{levels} lists", f"{{ nodes(ids: {lists}{']' * levels}) {{ id }} }}", values)
        objects = "{a: " * levels
        yield Bomb(f"{levels} objects", f"{{ bookings(filter: {objects}", "GRAPHQL_PARSE_FAILED")
        yield Bomb(f"{levels} types", f"query ($a: {lists}Int{']' * levels}) {{ a }}", values)


def _variables() -> Iterator[Bomb]:
    ids = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    yield Bomb("10,000 ids in a variable", ids, "TOO_COMPLEX", {"ids": ["x"] * 10_000})
    lists: Any = "x"
    objects: Any = "x"
    for _ in range(200):
        lists, objects = [lists], {"overlaps": objects}
    yield Bomb("a list of 200 levels in a variable", ids, "BAD_USER_INPUT", {"ids": lists})
    bookings = "query ($f: BookingFilter) { bookings(filter: $f) { nodes { id } } }"
    yield Bomb("an object of 200 levels in a variable", bookings, "BAD_USER_INPUT", {"f": objects})
    keys = {f"k{n}": n for n in range(10_000)}
    yield Bomb("an object of 10,000 keys", bookings, "TOO_COMPLEX", {"f": keys})
    keys = {f"k{n}": n for n in range(4_000)}
    yield Bomb("an object of 4,000 keys", bookings, "BAD_USER_INPUT", {"f": keys})
    page = "query ($n: Int) { rooms(first: $n) { nodes { id } } }"
    yield Bomb("a number beyond all others", page, "BAD_USER_INPUT", {"n": 2**64 - 1})
