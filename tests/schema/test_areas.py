"""Areas: what an area adds to the schema, and to types of earlier areas."""

from dataclasses import dataclass
from typing import cast

import pytest
import strawberry
from graphql import graphql_sync

import models
from kit.graphql.compiler.plans import Plans
from permissions.policy import may_for_every_row
from permissions.roles import P
from resolvers.venue import rooms
from schema import build
from schema.core.areas import Area
from schema.core.connections import Connection, connection
from schema.core.fields import column, extends, value
from schema.core.scalars import IN_SQL
from schema.venue.rooms import Room
from tests.kit.graphql.compiler.planning import read


@dataclass(frozen=True)
class Row:
    name: str
    capacity: int


@value(Row, models.Room)
class Chair:
    """A thing to sit on."""

    name: str = column("What people call it.")


@strawberry.type
class ChairQueries:
    chairs: Connection[Chair] | None = connection(rooms.rooms, requires=P.ROOMS_READ)

    @strawberry.field
    def chair(self) -> Chair:
        return cast("Chair", Row("Throne", 1))


@extends(Chair)
class ChairSize:
    capacity: int = column("How many sit on it.")


@strawberry.type
class Nothing:
    nothing: int


# A schema of ours has all three roots, each with a field.
EMPTY = Area(mutations=(Nothing,), subscriptions=(Nothing,))


@pytest.fixture(scope="module")
def built() -> strawberry.Schema:
    return build([EMPTY, Area(queries=(ChairQueries,)), Area(extensions=(ChairSize,))])


def test_what_a_later_area_adds_is_answered_field_by_field(built: strawberry.Schema) -> None:
    answer = graphql_sync(built._schema, "{ chair { name capacity } }")

    assert (answer.errors, answer.data) == (None, {"chair": {"name": "Throne", "capacity": 1}})


def test_what_a_later_area_adds_is_compiled(built: strawberry.Schema) -> None:
    plans = Plans(built._schema, IN_SQL, may_for_every_row, capacity=1)

    plan = read("{ chairs { nodes { name capacity } } }", by=plans)

    assert plan is not None
    assert plan.is_whole
    assert '"capacity"' in plan.plan.sql


def test_added_fields_stand_where_they_are_wanted() -> None:
    @value()
    class Table:
        """A thing to sit at."""

        name: str = column("What people call it.")
        legs: int = column("How many it has.")

    @extends(Table, after="name")
    class TableSize:
        capacity: int = column("How many sit at it.")

    @extends(Table)
    class TablePrice:
        price: int = column("What it costs.")

    @strawberry.type
    class Tables:
        table: Table

    built = build([EMPTY, Area(queries=(Tables,), extensions=(TableSize, TablePrice))])

    kind = built._schema.type_map["Table"]
    assert list(kind.fields) == ["name", "capacity", "legs", "price"]  # type: ignore[attr-defined]


def test_a_field_that_a_type_has_already_is_refused() -> None:
    @value()
    class Sofa:
        """A thing to lie on."""

        name: str = column("What people call it.")

    @extends(Sofa)
    class SofaName:
        name: str = column("What others call it.")

    with pytest.raises(TypeError, match="Sofa has name already"):
        build([Area(extensions=(SofaName,))])


def test_an_extension_stands_after_a_field_that_exists() -> None:
    @value()
    class Stool:
        """A stool."""

        name: str = column("What people call it.")

    @extends(Stool, after="nane")
    class StoolLegs:
        legs: int = column("How many there are.")

    with pytest.raises(TypeError, match="StoolLegs: Stool has no field nane to stand after"):
        build([Area(extensions=(StoolLegs,))])


def test_a_type_that_a_schema_was_built_with_is_not_extended() -> None:
    with pytest.raises(TypeError, match="RoomSize is too late: a schema has Room already"):

        @extends(Room)
        class RoomSize:
            square_feet: int = column("How large it is.")
