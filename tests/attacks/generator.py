"""Bad input without end: operations of the schema with values that nobody should send.

The same seed gives the same input, so that what goes wrong once can be tried again.
"""

import json
import string
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from graphql import (
    GraphQLField,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_required_argument,
    is_union_type,
)

UNKNOWN: Final = "01890a5d-ac96-774b-bcce-b302099a8057"

TEXTS: Final[Sequence[str]] = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "\ufeff",
    "\u202egnirts",
    "💥" * 300,
    "é" * 5_000,
    "x" * 70_000,
    "\n\r\t\v\f",
    "' OR '1'='1",
    "%s %(x)s {0} ${x} \\",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "a" * 254 + "@b.test",
    "null",
    "NaN",
    "1e999999999",
    "-0.00",
    "a text",
    "a@b.test",
    "٣٤",
    "9" * 400,
)
TIMES: Final[Sequence[str]] = (
    "2027-03-02T10:00:00Z",
    "2027-03-02T10:00:00",
    "0000-00-00T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "1970-01-01T00:00:00+23:59",
    "2199-12-31T23:59:59-23:59",
    "9999-12-31T23:59:59Z",
    "10000-01-01T00:00:00Z",
    "2027-02-30T10:00:00Z",
    "2027-03-02T25:61:61Z",
    "2027-03-02T10:00:00.999999999Z",
    "2027-03-28T02:30:00+01:00",
    "2027-03-02T10:00:60Z",
    "2027-W10-2T10:00Z",
    "\uff12027-03-02T10:00:00Z",
    "2027-03-02",
    "1970-01-01",
    "2199-12-31",
    "10:00",
    "24:00",
    "30:00",
    "99:99",
    "-1:00",
)
NUMBERS: Final[Sequence[object]] = (
    0,
    1,
    -1,
    60,
    250,
    251,
    2**31 - 1,
    -(2**31),
    2**31,
    2**53,
    2**63,
    2**64,
    10**25,
    1.5,
    -0.0,
    1e308,
    True,
)
CURSORS: Final[Sequence[str]] = (
    "x",
    "====",
    b64encode(b"\0" * 40).decode(),
    b64encode(b"\xff" * 40).decode(),
    b64encode(b"[]").decode(),
    b64encode(b"{}").decode(),
    b64encode(b'["\\u0000", "x"]').decode(),
    b64encode(b"[1e999, null]").decode(),
    b64encode(json.dumps([["x"] * 50] * 50).encode()).decode(),
)
IDS: Final[Sequence[str]] = (
    b64encode(f"Room:{UNKNOWN}".encode()).decode(),
    b64encode(f"Booking:{UNKNOWN}".encode()).decode(),
    b64encode(f"Nothing:{UNKNOWN}".encode()).decode(),
    b64encode(b"Room:").decode(),
    b64encode(b"Room:1; DROP TABLE rooms").decode(),
    b64encode(b"Room:" + b"\xff" * 16).decode(),
    f"Room:{UNKNOWN}",
    UNKNOWN,
)
OF_DECIMAL: Final = (
    "1.00",
    "1.001",
    "-5",
    "1e999999999",
    "NaN",
    "Infinity",
    "9" * 400,
    "0",
    "9e15",
)
RULES: Final = (
    "",
    "x",
    "FREQ=WEEKLY",
    "FREQ=DAILY;COUNT=366",
    "FREQ=SECONDLY;COUNT=2",
    "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2;COUNT=1",
    "FREQ=YEARLY;BYDAY=-53SU,53MO;BYSETPOS=-366,366;INTERVAL=999;UNTIL=99991231",
    "RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20271231T235959Z;WKST=SU",
)
OF_SCALARS: Final[dict[str, Sequence[object]]] = {
    "Boolean": (True, False, "true", 1),
    "Date": TIMES,
    "DateTime": TIMES,
    "Decimal": OF_DECIMAL,
    "EventCursor": CURSORS,
    "Int": NUMBERS,
    "LocalTime": TIMES,
    "Percentage": OF_DECIMAL,
    "RRule": RULES,
    "TimeZone": ("Europe/Berlin", "../etc/passwd", "Mars/Olympus", "europe/berlin", "", "a\0b"),
}
# What every scalar takes, however absurd it is for its field.
READABLE: Final[dict[str, Sequence[object]]] = {
    "Boolean": (True, False),
    "CurrencyCode": ("EUR", "JPY", "KWD"),
    "Date": ("1970-01-01", "2024-02-29", "2027-03-02", "2027-03-28", "2199-12-31"),
    "DateTime": (
        "1970-01-01T00:00:00+23:59",
        "2027-03-01T09:00:00Z",
        "2027-03-02T10:00:00Z",
        "2027-03-02T10:00:00.999Z",
        "2027-03-03T10:00:00Z",
        "2027-03-28T02:30:00+01:00",
        "2199-12-31T23:59:59-23:59",
    ),
    "Decimal": OF_DECIMAL,
    "Int": (0, 1, 1, 2, 15, 60, 250, 1440, 44_640, 2**31 - 1, -1, -(2**31)),
    "LocalTime": ("00:00", "10:00", "24:00", "30:00"),
    "Percentage": ("0", "8.875", "19", "100"),
    "RRule": RULES,
    "String": tuple(text for text in TEXTS if not set(text) & set("\0\ud800\udfff")),
    "TimeZone": ("Europe/Berlin", "America/New_York", "Pacific/Apia", "Etc/GMT+12"),
}
# Ends the session that the other inputs are sent with.
LEFT_OUT: Final = {"logout"}


@dataclass(frozen=True, slots=True)
class Input:
    """One operation as it would be sent; ``json`` is the text of the whole request."""

    root: str
    json: str


class Generator:
    """Makes inputs, one after the other; ``ids`` are real ones that it mixes in."""

    def __init__(self, schema: GraphQLSchema, *, seed: int, ids: Sequence[str] = ()) -> None:
        self._random = Random(seed)
        self._is_readable = False
        self._real_ids = ids or IDS
        self._ids = (*IDS, *ids)
        self._roots = [
            (root.name, name, field, selection(field))
            for root in (schema.query_type, schema.mutation_type, schema.subscription_type)
            if root is not None
            for name, field in root.fields.items()
            if name not in LEFT_OUT
        ]

    def next(self) -> Input:
        """Returns the next input.

        Every other one can be read as its types say, and is absurd all the same; of the rest, a
        tenth are damaged in the document or in the whole text.
        """
        self._is_readable = not self._is_readable
        root, name, field, selected = self._random.choice(self._roots)
        variables = {
            # Else nearly all that edits something would be refused as stale.
            argument: 1
            if argument == "version" and self._is_readable
            else self._value(kind.type, depth=0)
            for argument, kind in field.args.items()
            if is_required_argument(kind) or self._once_in(2)
        }
        declared = ", ".join(f"${each}: {field.args[each].type}" for each in variables)
        passed = ", ".join(f"{each}: ${each}" for each in variables)
        document = (
            f"{root.lower()} {f'({declared})' if declared else ''} "
            f"{{ {name}{f'({passed})' if passed else ''} {selected} }}"
        )
        if not self._is_readable and self._once_in(20):
            document = self._damaged(document)
        sent = json.dumps({"query": document, "variables": variables})
        if not self._is_readable and self._once_in(20):
            sent = self._damaged(sent)
        return Input(root, sent)

    def _value(self, kind: Any, *, depth: int, is_required: bool = False) -> Any:
        if not self._is_readable and self._once_in(12):
            return self._nonsense()
        if is_non_null_type(kind):
            return self._value(kind.of_type, depth=depth, is_required=self._is_readable)
        if not is_required and self._once_in(12):
            return None
        if is_list_type(kind):
            length = self._random.choice((0, 1, 1, 2, 5, 5 if self._is_readable else 101))
            return [self._value(kind.of_type, depth=depth + 1) for _ in range(length)]
        if is_enum_type(kind):
            others = () if self._is_readable else ("UNKNOWN", "", 5)
            return self._random.choice((*kind.values, *others))
        if is_input_object_type(kind):
            return self._fields(kind, depth)
        return self._scalar(kind.name)

    def _fields(self, kind: Any, depth: int) -> Any:
        members = list(kind.fields.items())
        if kind.is_one_of and (self._is_readable or not self._once_in(5)):
            members = [self._random.choice(members)]
        given = {
            name: self._value(
                member.type, depth=depth + 1, is_required=kind.is_one_of and self._is_readable
            )
            for name, member in members
            if is_non_null_type(member.type) or kind.is_one_of or self._once_in(2 + depth)
        }
        is_strange = not self._is_readable and self._once_in(30)
        return {**given, "unknown": 1} if is_strange else given

    def _scalar(self, name: str) -> Any:
        if name == "ID":
            return self._random.choice(self._real_ids if self._is_readable else self._ids)
        known = READABLE if self._is_readable else OF_SCALARS
        # Cursors of pages are strings, too.
        return self._random.choice(known.get(name) or (*TEXTS, *CURSORS))

    def _nonsense(self) -> Any:
        made: tuple[Any, ...] = (
            None,
            [],
            {},
            [[]],
            [[[[[[1]]]]]],
            {"a": {"a": {"a": [None]}}},
            {"": ""},
            {"__proto__": 1, "\0": 2},
            self._random.choice(TEXTS),
            self._random.choice(NUMBERS),
            self._random.choice(TIMES),
            nested(300),
        )
        return self._random.choice(made)

    def _damaged(self, text: str) -> str:
        characters = list(text)
        for _ in range(self._random.randint(1, 4)):
            place = self._random.randrange(len(characters))
            other = self._random.choice(string.printable + "\0\u2028ü💥")
            characters[place] = self._random.choice((other, "", characters[place] * 2))
        return "".join(characters)

    def _once_in(self, times: int) -> bool:
        return self._random.randrange(times) == 0


def nested(levels: int) -> Any:
    """Returns a list in a list in a list."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def selection(field: GraphQLField, depth: int = 3) -> str:
    """Returns a selection of the fields without arguments."""
    kind = get_named_type(field.type)
    if not is_composite_type(kind):
        return ""
    selected = ["__typename"]
    if is_union_type(kind):
        selected += [f"... on {member.name} {{ __typename }}" for member in kind.types]
    elif is_object_type(kind) or is_interface_type(kind):
        for name, inner in kind.fields.items():
            is_leaf = not is_composite_type(get_named_type(inner.type))
            if not any(map(is_required_argument, inner.args.values())) and (is_leaf or depth > 1):
                selected.append(f"{name} {selection(inner, depth - 1)}")
    return f"{{ {' '.join(selected)} }}"
