"""Which parts of a value decide the plan, and which are bound as parameters."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.types import TypeEngine

from kit.graphql.compiler.argument_shapes import parameterize, rebuild
from kit.graphql.field_sources import NotCompilable

ONE = UUID(int=1)
AT = datetime(2027, 3, 1, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Span:
    since: datetime | None = None
    colour: Colour | None = None


def lifted(value: Any) -> tuple[Any, list[Any]]:
    leaves: list[Any] = []
    return parameterize(value, leaves), leaves


@pytest.mark.parametrize("value", [ONE, AT, date(2027, 3, 1), 7, "text"])
def test_leaves_are_bound(value: Any) -> None:
    shape, leaves = lifted(value)

    assert leaves == [value]
    assert shape is lifted(value)[0]
    assert isinstance(shape, TypeEngine)


@pytest.mark.parametrize("value", [None, True, False, Colour.RED, frozenset({"a"})])
def test_what_makes_the_plan_is_its_shape(value: Any) -> None:
    shape, leaves = lifted(value)

    assert leaves == []
    assert shape == value


def test_true_is_not_one() -> None:
    assert lifted(True)[0] != lifted(1)[0]


def test_a_list_of_leaves_is_one_leaf() -> None:
    assert lifted([1, 2]) == (lifted([3])[0], [[1, 2]])
    assert lifted([1, "a"])[1] == [1, "a"]
    assert lifted([])[1] == []


def test_objects_are_taken_apart() -> None:
    shape, leaves = lifted({"span": Span(AT, Colour.RED), "ids": (ONE,)})

    assert leaves == [AT, [ONE]]
    assert shape != lifted({"span": Span(AT), "ids": (ONE,)})[0]
    assert shape == lifted({"span": Span(AT, Colour.RED), "ids": (ONE, ONE)})[0]


def test_symbols_stand_where_the_leaves_were() -> None:
    value = {"span": Span(AT, Colour.RED), "ids": (ONE,), "n": 5}
    shape, leaves = lifted(value)

    made = rebuild(shape, count(1))
    span: Any = made["span"]

    assert type(span) is Span
    assert span.colour is Colour.RED
    symbols: list[Any] = [span.since, made["ids"], made["n"]]
    assert [each.place for each in symbols] == [1, 2, 3]
    assert leaves == [AT, [ONE], 5]


def test_a_list_that_is_bound_cannot_be_looked_at() -> None:
    shape, _ = lifted({"ids": [ONE]})
    made = rebuild(shape, count(1))

    with pytest.raises(NotCompilable):
        [*made["ids"]]


def test_what_postgresql_does_not_know_is_not_lifted() -> None:
    with pytest.raises(TypeError):
        lifted(object())
