"""Queries without end, valid but for a few: documents of the schema with what they are told.

A document is made once and told often: each time with other values, in its variables and in its
text alike. The same seed makes the same documents.
"""

import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

from graphql import (
    GraphQLField,
    GraphQLNonNull,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_composite_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_union_type,
)

from kit.graphql.field_sources import SOURCE
from tests.differential.dataset import DAYS, MOMENTS, NAMES
from tests.support.clock import MONDAY_MORNING

UNKNOWN: Final = "01890a5d-ac96-774b-bcce-b302099a8057"
STRANGE_IDS: Final[Sequence[object]] = (
    "",
    "x",
    "nothing",
    5,
    UNKNOWN,
    *(
        b64encode(f"{name}:{UNKNOWN}".encode()).decode()
        for name in ("Booking", "Room", "Customer", "Nothing", "PageInfo")
    ),
    b64encode(b"Booking:").decode(),
    b64encode(f"Booking:{UNKNOWN.upper()}".encode()).decode(),
)
STRANGE_CURSORS: Final[Sequence[str]] = (
    "",
    "x",
    "====",
    "\u2028",
    urlsafe_b64encode(b"[]").decode(),
    urlsafe_b64encode(b'["starts_at,id"]').decode(),
    urlsafe_b64encode(b'["starts_at,id",null,null]').decode(),
    urlsafe_b64encode(f'["starts_at,id","2027-03-02","{UNKNOWN}"]'.encode()).decode(),
    urlsafe_b64encode(
        f'["starts_at,id","9999-12-31T23:59:59-12:00","{UNKNOWN}"]'.encode()
    ).decode(),
    urlsafe_b64encode(f'["name,id","\\u0000","{UNKNOWN}"]'.encode()).decode(),
    urlsafe_b64encode(f'["name,id","","{UNKNOWN}"]'.encode()).decode(),
    urlsafe_b64encode(f'["capacity,id",9999999999,"{UNKNOWN}"]'.encode()).decode(),
    urlsafe_b64encode(f'["capacity,id",true,"{UNKNOWN}"]'.encode()).decode(),
)
KEYS: Final = (
    *("o", "t", "c0", "r1", "r2", "n", "key", "name", "id", "select", "order", "user", "asked"),
    *("lines", "page", "page_1", "A", "Id", "_", "__x", "true_", "owners", "counted", "setting"),
    "a" * 63,
    "b" * 64,
)
SEARCHES: Final = (
    "",
    " ",
    "a",
    "REF",
    "ref0000",
    "%",
    "_",
    "\\",
    "'",
    "é",
    "É",
    "💥",
    "\u2028",
    *NAMES,
)
SELDOM: Final = 0.05
# How often each root field is asked for. What isn't named is asked for now and then.
WEIGHTS: Final[Mapping[str, float]] = {
    "bookings": 8,
    "rooms": 6,
    "customers": 5,
    "booking": 5,
    "node": 4,
    "nodes": 4,
    "room": 3,
    "customer": 3,
    "tenant": 2,
    "viewer": 2,
    "users": 2,
    "sessions": 1,
    "apiKeys": 1,
    "auditLog": 0.5,
    "blackouts": SELDOM,
    "hoursExceptions": SELDOM,
    "plans": SELDOM,
}
# The type that an id had best be of, by what it is called; `id` is of the field's own.
ID_TYPES: Final = {"roomId": "Room", "customerId": "Customer", "userId": "User"}
MIN_CURSOR: Final = 40
MAX_CURSORS: Final = 40
USUAL_ORDERS: Final = {"Booking": "starts_at,id", "Room": "name,id", "Customer": "name,id"}
SMALL: Final = (0, 1, 1, 2, 2, 3)


@dataclass(frozen=True, slots=True)
class Filled:
    """A document with the values of one request."""

    text: str
    variables: dict[str, Any]


@dataclass(eq=False, slots=True)
class _Value:
    """A value of a type, of which ``parts`` are fixed: chosen anew whenever it is told.

    As a ``variable`` all of it is; without one, it is written out, and what decides how it looks
    (objects and lists, nulls, booleans, enums) stays the same.
    """

    type: Any
    name: str
    under: str
    variable: str | None = None
    default: "_Value | None" = None
    fixed: Any = None
    parts: "dict[str, _Value] | list[_Value] | None" = None


@dataclass(eq=False, slots=True)
class _Keys:
    """The selection of the objects at one path: a field and its type under each key."""

    taken: dict[str, tuple[str, str, "dict[str, _Value]", "_Keys"]] = field(default_factory=dict)

    def takes(self, key: str, kind: str, name: str, arguments: "dict[str, _Value]") -> bool:
        found = self.taken.get(key)
        if found is None:
            return True
        same = found[2] is arguments or not (found[2] or arguments)
        return found[:2] == (kind, name) and same


@dataclass(eq=False, slots=True)
class _Node:
    """A field, or a fragment if ``spread`` or ``on`` is set."""

    key: str = ""
    name: str = ""
    kind: str = ""
    arguments: dict[str, _Value] = field(default_factory=dict)
    directives: list[tuple[str, _Value]] = field(default_factory=list)
    below: "list[_Node] | None" = None
    on: str | None = None
    spread: str | None = None


@dataclass(eq=False, slots=True)
class Document:
    """A document without its values."""

    nodes: list[_Node]
    fragments: dict[str, tuple[str, list[_Node]]]
    variables: list[_Value]


class Grammar:
    """Makes documents and fills in values; ``ids`` are those that clients know, by type.

    ``cursors`` are those that answers gave, by the order of their list; they may be added.
    """

    def __init__(
        self, schema: GraphQLSchema, ids: Mapping[str, Sequence[str]], *, seed: int
    ) -> None:
        self._schema = schema
        self._ids = ids
        self._random = Random(seed)
        self.cursors: dict[str, list[str]] = {}

    def document(self) -> Document:
        """Returns a new document."""
        return _Making(self._schema, self._random).document()

    def learn(self, shown: Iterable[str]) -> None:
        """Collects the cursors among the texts of a response."""
        for found in sorted(shown):
            if len(found) > MIN_CURSOR and found.startswith("WyI"):
                order = urlsafe_b64decode(found + "=" * (-len(found) % 4)).split(b'"')[1].decode()
                known = self.cursors.setdefault(order, [])
                if len(known) < MAX_CURSORS and found not in known:
                    known.append(found)

    def filled(self, document: Document) -> Filled:
        """Returns a document with values."""
        return _Filling(self._ids, self.cursors, self._random).filled(document)


# ------------------------------------------------------------------------------ documents


class _Making:
    def __init__(self, schema: GraphQLSchema, random: Random) -> None:
        self._schema = schema
        self._random = random
        self._fragments: dict[str, tuple[str, list[_Node]]] = {}
        self._variables: list[_Value] = []
        # Most documents ask for nothing but what is declared to be read at once.
        self._is_plain = random.random() < 0.85
        # Small ones take a tenth of the time, and what they find is easier to read.
        self._is_small = random.random() < 0.85

    def document(self) -> Document:
        root = self._schema.query_type
        assert root is not None
        keys = _Keys()
        weights = [self._weight(name, each) for name, each in root.fields.items()]
        number = self._random.choice((1, 1, 1, 2) if self._is_small else (1, 2, 3))
        names = self._random.choices(list(root.fields), weights, k=number)
        nodes = [self._field(name, root.fields[name], keys, depth=0) for name in names]
        if self._chance(0.08):
            nodes.append(self._typename(keys))
        if self._chance(0.02):
            nodes.append(_Node("__type", '__type(name: "Room") { name }'))
        if self._chance(0.1):
            nodes = [self._wrapped(root, nodes)]
        self._random.shuffle(nodes)
        return Document(nodes, self._fragments, self._variables)

    def _weight(self, name: str, found: GraphQLField) -> float:
        return (
            WEIGHTS.get(name, SELDOM)
            if SOURCE in found.extensions or not self._is_plain
            else SELDOM
        )

    def _field(self, name: str, found: GraphQLField, keys: _Keys, *, depth: int) -> _Node:
        kind = get_named_type(found.type)
        for key, (_, taken, arguments, below) in keys.taken.items():
            # Asked for once more: both selections are of the same object.
            if (
                taken == name
                and self._chance(0.5)
                and keys.takes(key, str(found.type), name, arguments)
            ):
                nodes = self._below(kind, below, depth) if is_composite_type(kind) else None
                return self._switched(_Node(key, name, str(kind), arguments, below=nodes))
        arguments = self._arguments(found, kind, depth)
        key = self._random.choice(KEYS) if self._chance(0.15) else name
        while not keys.takes(key, str(found.type), name, arguments):
            key = f"{name}{self._random.randrange(10**6)}"
        entry = keys.taken.setdefault(key, (str(found.type), name, arguments, _Keys()))
        below, arguments = entry[3], entry[2]
        nodes = self._below(kind, below, depth) if is_composite_type(kind) else None
        return self._switched(_Node(key, name, str(kind), arguments, below=nodes))

    def _below(self, kind: Any, keys: _Keys, depth: int) -> list[_Node]:
        if is_union_type(kind):
            nodes = [self._on(each, keys, depth + 1) for each in kind.types if self._chance(0.7)]
        elif is_interface_type(kind):
            possible = self._schema.get_possible_types(kind)
            chosen = self._random.sample(possible, self._random.choice((0, 1, 2, 3)))
            known = [each for each in possible if each.name in ("Booking", "Room", "Customer")]
            if self._chance(0.7):
                chosen = [*chosen, self._random.choice(known)]
            nodes = [self._on(each, keys, depth + 1) for each in chosen]
            nodes += [self._field("id", kind.fields["id"], keys, depth=depth + 1)]
            if self._chance(0.2):
                nodes += [self._on(kind, keys, depth + 1)]
        else:
            nodes = self._of_object(kind, keys, depth)
        if not nodes or self._chance(0.15):
            nodes.append(self._typename(keys))
        self._random.shuffle(nodes)
        return nodes

    def _of_object(self, kind: Any, keys: _Keys, depth: int) -> list[_Node]:
        names = [
            name
            for name, each in kind.fields.items()
            if (depth < 5 or not is_composite_type(get_named_type(each.type)))
            and (SOURCE in each.extensions or not self._is_plain or self._chance(0.002))
        ]
        simple = [n for n in names if not is_composite_type(get_named_type(kind.fields[n].type))]
        others = [n for n in names if n not in simple]
        number = self._random.choice((0, 1, 1, 2) if self._is_small else (0, 1, 2, 3, 6))
        chosen = self._random.sample(simple, min(len(simple), number))
        if others and (depth < 2 or self._chance(0.2 if self._is_small else 0.4)):
            number = 1 if self._is_small else self._random.choice((1, 1, 2))
            chosen += self._random.choices(others, k=number)
        if chosen and self._chance(0.15):
            chosen.append(self._random.choice(chosen))
        nodes = [self._field(n, kind.fields[n], keys, depth=depth + 1) for n in chosen]
        if nodes and self._chance(0.2):
            cut = self._random.randrange(len(nodes))
            nodes = [*nodes[:cut], self._wrapped(kind, nodes[cut:])]
        if self._chance(0.1):
            nodes += self._known(kind, keys)
        return nodes

    def _typename(self, keys: _Keys) -> _Node:
        key = "__typename"
        if self._chance(0.2) and keys.takes("type_name", "", key, {}):
            key = "type_name"
        keys.taken.setdefault(key, ("", "__typename", {}, _Keys()))
        return self._switched(_Node(key, "__typename"))

    def _on(self, kind: Any, keys: _Keys, depth: int) -> _Node:
        nodes = self._below(kind, keys, depth) if depth < 8 else [self._typename(keys)]
        return self._wrapped(kind, nodes, always=True)

    def _wrapped(self, kind: Any, nodes: list[_Node], *, always: bool = False) -> _Node:
        """Returns these selections as a fragment, named or not."""
        if self._chance(0.4):
            name = f"F{len(self._fragments)}"
            self._fragments[name] = (kind.name, nodes)
            return self._switched(_Node(spread=name))
        on = kind.name if always or self._chance(0.5) else ""
        # An object is also what its interfaces are, and so is each of a narrower fragment's.
        wider = [each.name for each in getattr(kind, "interfaces", ())]
        inner = self._switched(_Node(on=on, below=nodes))
        return _Node(on=wider[0], below=[inner]) if wider and on and self._chance(0.1) else inner

    def _known(self, kind: Any, keys: _Keys) -> list[_Node]:
        """Returns a fragment of this type once more, where its keys mean the same."""
        for name, (on, nodes) in self._fragments.items():
            if on == kind.name and _fits(nodes, keys, self._fragments):
                _take(nodes, keys, self._fragments)
                return [_Node(spread=name)]
        return []

    def _switched(self, node: _Node) -> _Node:
        if self._chance(0.08):
            kind = self._schema.type_map["Boolean"]
            name = self._random.choice(("skip", "include"))
            node.directives.append((name, self._value(kind, "if", name, required=True)))
        return node

    # -------------------------------------------------------------------------- arguments

    def _arguments(self, found: GraphQLField, kind: Any, depth: int) -> dict[str, _Value]:
        under = kind.name.removesuffix("Connection")
        arguments = {
            each: self._value(
                argument.type, each, under, has_default=argument.default_value is not Undefined
            )
            for each, argument in found.args.items()
            if is_required_argument(argument) or self._chance(_LIKELY.get(each, 0.35))
        }
        # Both at once are refused, and pages of pages would cost too much.
        if "first" in arguments and "last" in arguments and self._chance(0.99):
            arguments.pop(self._random.choice(("first", "last")))
        # The cursors at hand are those of the usual order.
        if "orderBy" in arguments and self._chance(0.7):
            arguments.pop("after", None)
            arguments.pop("before", None)
        if depth and "first" in found.args and not arguments.keys() & {"first", "last"}:
            arguments["first"] = self._value(found.args["first"].type, "first", under)
        return arguments

    def _value(
        self, kind: Any, name: str, under: str, *, has_default: bool = False, required: bool = False
    ) -> _Value:
        if self._chance(0.45):
            return self._variable(kind, name, under, has_default=has_default, required=required)
        return self._written(kind, name, under, required=required)

    def _variable(
        self, kind: Any, name: str, under: str, *, has_default: bool = False, required: bool = False
    ) -> _Value:
        if required and not is_non_null_type(kind):
            kind = GraphQLNonNull(kind)
        made = _Value(kind, name, under, variable=f"v{len(self._variables)}")
        self._variables.append(made)
        if self._chance(0.2):
            # A variable with a default may be left out, even where a value is needed.
            inner = kind.of_type if is_non_null_type(kind) and self._chance(0.5) else kind
            made.type = inner
            made.default = self._written(inner, name, under, required=True, closed=True)
        elif is_non_null_type(kind) and has_default and self._chance(0.3):
            made.type = kind.of_type
        return made

    def _written(
        self, kind: Any, name: str, under: str, *, required: bool = False, closed: bool = False
    ) -> _Value:
        """Returns a value in the text of the document; ``closed``: without variables in it."""
        made = _Value(kind, name, under)
        inner = kind.of_type if is_non_null_type(kind) else kind
        if inner is kind and not required and self._chance(0.06):
            made.fixed = "null"
        elif is_list_type(inner):
            count = self._random.choice((0, 1, 1, 2, 3))
            if count == 1 and self._chance(0.2):
                return self._written(inner.of_type, name, under, required=True, closed=closed)
            made.parts = [self._member(inner.of_type, name, under, closed) for _ in range(count)]
        elif is_input_object_type(inner):
            members = list(inner.fields.items())
            if inner.is_one_of:
                members = [self._random.choice(members)]
            made.parts = {
                each: self._member(
                    member.type,
                    each,
                    under,
                    closed,
                    required=inner.is_one_of or each in _NEVER_NULL,
                )
                for each, member in members
                if inner.is_one_of or is_required_argument(member) or self._chance(0.35)
            }
        elif is_enum_type(inner):
            made.fixed = self._random.choice(list(inner.values))
        elif inner.name == "Boolean":
            made.fixed = self._random.choice(("true", "false"))
        return made

    def _member(
        self, kind: Any, name: str, under: str, closed: bool, *, required: bool = False
    ) -> _Value:
        if not closed and self._chance(0.2):
            return self._variable(kind, name, under, required=required)
        return self._written(kind, name, under, required=required, closed=closed)

    def _chance(self, of: float) -> bool:
        return self._random.random() < of


# What a filter compares with: a null there is refused, and its whole list with it.
_NEVER_NULL: Final = frozenset({"eq", "in", "notIn"})

_LIKELY: Final = {
    "first": 0.6,
    "last": 0.25,
    "after": 0.25,
    "before": 0.1,
    "filter": 0.5,
    "orderBy": 0.35,
}


def _fits(nodes: list[_Node], keys: _Keys, fragments: Mapping[str, Any]) -> bool:
    for node in nodes:
        if node.name:
            found = keys.taken.get(node.key)
            if found is not None and (
                found[1] != node.name
                or found[2] is not node.arguments
                or (node.below is not None and not _fits(node.below, found[3], fragments))
            ):
                return False
        elif not _fits(_inside(node, fragments), keys, fragments):
            return False
    return True


def _take(nodes: list[_Node], keys: _Keys, fragments: Mapping[str, Any]) -> None:
    for node in nodes:
        if node.name:
            taken = keys.taken.setdefault(node.key, (node.kind, node.name, node.arguments, _Keys()))
            _take(node.below or [], taken[3], fragments)
        else:
            _take(_inside(node, fragments), keys, fragments)


def _inside(node: _Node, fragments: Mapping[str, Any]) -> list[_Node]:
    return (fragments[node.spread][1] if node.spread else node.below) or []


def texts(value: Any) -> Iterator[str]:
    """Yields all texts of a response."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


# ------------------------------------------------------------------------------ telling


class _Filling:
    def __init__(
        self,
        ids: Mapping[str, Sequence[str]],
        cursors: Mapping[str, Sequence[str]],
        random: Random,
    ) -> None:
        self._ids = ids
        self._cursors = cursors
        self._random = random
        self._written: dict[int, str] = {}

    def filled(self, document: Document) -> Filled:
        parts = [self._selected(document.nodes)]
        for name, (on, nodes) in document.fragments.items():
            parts.append(f"fragment {name} on {on} {self._selected(nodes)}")
        used = [each for each in document.variables if id(each) in self._written]
        declared = ", ".join(self._declared(each) for each in used)
        text = f"query Q{f'({declared})' if declared else ''} {' '.join(parts)}"
        variables = {
            str(each.variable): self._any(each.type, each.name, each.under)
            for each in used
            if not self._is_left_out(each)
        }
        return Filled(text, variables)

    def _is_left_out(self, value: _Value) -> bool:
        if is_non_null_type(value.type):
            return value.default is not None and self._random.random() < 0.5
        return self._random.random() < (0.5 if value.default else 0.2)

    def _declared(self, value: _Value) -> str:
        default = f" = {self._text(value.default)}" if value.default else ""
        return f"${value.variable}: {value.type}{default}"

    def _selected(self, nodes: list[_Node]) -> str:
        return f"{{ {' '.join(self._node(each) for each in nodes)} }}"

    def _node(self, node: _Node) -> str:
        directives = "".join(f" @{name}(if: {self._text(on)})" for name, on in node.directives)
        below = f" {self._selected(node.below)}" if node.below is not None else ""
        if node.spread:
            return f"...{node.spread}{directives}"
        if not node.name:
            return f"...{f' on {node.on}' if node.on else ''}{directives}{below}"
        alias = "" if node.key == node.name or "(" in node.name else f"{node.key}: "
        given = ", ".join(f"{name}: {self._text(each)}" for name, each in node.arguments.items())
        return f"{alias}{node.name}{f'({given})' if given else ''}{directives}{below}"

    def _text(self, value: _Value) -> str:
        # Fields that are asked for twice must be told the same.
        if id(value) not in self._written:
            self._written[id(value)] = self._fresh(value)
        return self._written[id(value)]

    def _fresh(self, value: _Value) -> str:
        if value.variable:
            return f"${value.variable}"
        if value.fixed is not None:
            return str(value.fixed)
        if isinstance(value.parts, dict):
            listed = ", ".join(f"{name}: {self._text(each)}" for name, each in value.parts.items())
            return f"{{{listed}}}"
        if isinstance(value.parts, list):
            return f"[{', '.join(self._text(each) for each in value.parts)}]"
        return json.dumps(
            self._leaf(get_named_type(value.type).name, value.name, value.under),
            ensure_ascii=self._random.random() < 0.5,
        )

    def _any(self, kind: Any, name: str, under: str, *, is_given: bool = False) -> Any:
        """Returns the value of a variable, or of a part of it."""
        if is_non_null_type(kind):
            return self._any(kind.of_type, name, under, is_given=True)
        if not is_given and self._random.random() < 0.06:
            return None
        if is_list_type(kind):
            if self._random.random() < 0.08:
                return self._any(kind.of_type, name, under, is_given=True)
            count = self._random.choice((0, 1, 2, 2, 5))
            return [self._any(kind.of_type, name, under) for _ in range(count)]
        if is_enum_type(kind):
            return self._random.choice(list(kind.values))
        if is_input_object_type(kind):
            members = list(kind.fields.items())
            if kind.is_one_of:
                members = [self._random.choice(members)]
            return {
                each: self._any(
                    member.type, each, under, is_given=kind.is_one_of or each in _NEVER_NULL
                )
                for each, member in members
                if kind.is_one_of or is_required_argument(member) or self._random.random() < 0.35
            }
        return self._leaf(kind.name, name, under)

    def _leaf(self, kind: str, name: str, under: str) -> Any:
        choose = self._random.choice
        if self._random.random() < 0.01:
            return choose(("a text", 5, 1.5, True, [], {}) if kind != "Boolean" else (5, "yes"))
        match kind:
            case "ID":
                return self._id(ID_TYPES.get(name, under))
            case "Boolean":
                return choose((True, False))
            case "Int":
                return self._number(name)
            case "DateTime":
                # Half of them are told in another zone, or more exactly than they are kept.
                moment = choose(DAYS) + choose(MOMENTS) + timedelta(minutes=30 * choose(range(60)))
                moment = choose((moment, moment, MONDAY_MORNING + choose(MOMENTS)))
                shown = moment.isoformat(timespec="milliseconds").removesuffix("+00:00")
                return choose(
                    (f"{shown}Z", f"{shown}9z", f"{shown[:19]}+05:30", "1970-01-01T00:00:00Z")
                )
            case "Date":
                return choose(("2027-03-09", "2027-03-14", "2027-11-07", "2027-03-09"))
            case "LocalTime":
                return choose(("00:30", "02:30", "10:00", "24:00"))
            case "RRule":
                return choose(("FREQ=DAILY;COUNT=3", "FREQ=WEEKLY;BYDAY=TU;COUNT=2", "x"))
            case "EventCursor" | "Decimal" | "CurrencyCode" | "Percentage" | "TimeZone":
                return choose(("", "x", "EUR", "1.00", "Europe/Berlin"))
            case _:
                return self._string(name, under)

    def _number(self, name: str) -> int:
        choose = self._random.choice
        if name in ("first", "last"):
            return choose((*(SMALL * 12), 4, 7, 20, 250, 251, -1, 2**31 - 1))
        return choose((*SMALL, 4, 15, 30, 60, 90, -1, 2**31 - 1, -(2**31)))

    def _string(self, name: str, under: str) -> str:
        choose = self._random.choice
        if name in ("after", "before"):
            if not self._cursors or self._random.random() < 0.04:
                return choose(STRANGE_CURSORS)
            usual = self._cursors.get(USUAL_ORDERS.get(under, ""))
            if usual and self._random.random() < 0.9:
                return choose(usual)
            return choose(self._cursors[choose(list(self._cursors))])
        return choose(SEARCHES)

    def _id(self, kind: str) -> object:
        chance = self._random.random()
        if chance < 0.1:
            return self._random.choice(STRANGE_IDS)
        known = self._ids.get(kind) if chance < 0.8 else None
        return self._random.choice(known or self._ids[self._random.choice(list(self._ids))])
