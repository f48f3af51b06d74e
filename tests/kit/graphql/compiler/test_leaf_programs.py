"""Requests of a shape that was planned before are bound to the same values as any other."""

from typing import Any

import pytest
from graphql import OperationDefinitionNode, VariableValues, parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.core.refusals import Refusal
from kit.errors import RequestError
from kit.graphql.compiler.document_signature import normalize
from kit.graphql.compiler.plans import UnmadePlan
from kit.graphql.deferred import Deferred, deferrable
from kit.graphql.variable_reader import Variables
from schema.core.global_ids import encode_id
from tests.kit.graphql.compiler.planning import CORE, CUSTOMER, GUEST, NOW, OWNER, plans

TEXTS = [
    "query ($id: ID!) { booking(id: $id) { reference } }",
    """query ($text: String, $since: DateTime, $until: DateTime = "2027-03-02T00:00:00Z") {
      bookings(first: 20, filter: {search: $text, startsAt: {gte: $since, lt: $until}}) {
        totalCount nodes { id }
      }
    }""",
    """query ($id: ID, $ids: [ID!], $status: BookingStatus) {
      bookings(filter: {roomId: {eq: $id, in: $ids}, status: {eq: $status}}) { nodes { id } }
    }""",
    """query ($first: Int, $after: String, $with: Boolean! = true, $since: DateTime) {
      rooms(first: $first, after: $after) {
        nodes {
          name @include(if: $with)
          bookings(first: 5, filter: {startsAt: {gte: $since}}) { nodes { id } }
        }
      }
    }""",
    "query ($id: ID!, $other: ID!) { node(id: $id) { id } customer(id: $other) { name } }",
]
ids = st.sampled_from(
    [encode_id("Booking", CUSTOMER), encode_id("Room", CUSTOMER), "", "nothing", "x" * 200]
)
instants = st.sampled_from(["2027-03-01T00:00:00Z", "2028-01-01T10:00:00+01:00"])
sent = st.fixed_dictionaries(
    {"id": ids, "other": ids},
    optional={
        "after": st.none() | st.sampled_from(["", "bm90aGluZw"]),
        "first": st.none() | st.integers(-1, 300),
        "ids": st.none() | st.lists(ids, max_size=3),
        "since": st.none() | instants,
        "status": st.sampled_from(["HELD", "CONFIRMED"]),
        "text": st.none() | st.text(max_size=3) | st.just("a" * 1_000) | st.just("\ud800"),
        "until": instants,
        "with": st.booleans(),
    },
)


class _Asked:
    """A document whose requests are planned by one cache."""

    def __init__(self, text: str) -> None:
        document = parse(text)
        operation = document.definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        self.names = {each.variable.name.value for each in operation.variable_definitions or ()}
        self.normalized = normalize(document, operation)
        self.variables = Variables.of(CORE, operation)
        self.plans = plans()

    def bound(self, given: dict[str, Any], actor: Any) -> Any:
        """Returns what a request runs, or what refuses it."""
        mine = {name: value for name, value in given.items() if name in self.names}
        values = self.variables.read(mine, hide_suggestions=False)
        if not isinstance(values, VariableValues):
            return [each.message for each in values]
        try:
            found = self.plans.read(self.normalized, values, actor, NOW)
            if isinstance(found, UnmadePlan):
                found = self.plans.keep(found.make()).read()
        except (Refusal, RequestError) as refusal:
            return type(refusal), str(refusal)
        return found and (found.plan.sql, list(found.values), found.is_whole)


@pytest.mark.parametrize("text", TEXTS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests=st.lists(st.tuples(sent, st.sampled_from([OWNER, GUEST])), min_size=2, max_size=6))
def test_every_request_is_bound_to_its_own_values(
    text: str, requests: list[tuple[dict[str, Any], Any]]
) -> None:
    known = _Asked(text)
    # Twice, so that each shape has been planned before.
    for given_, actor in [*requests, *requests]:
        assert known.bound(given_, actor) == _Asked(text).bound(given_, actor)


@pytest.mark.parametrize(
    ("text", "given_", "is_programmed"),
    [
        (TEXTS[0], {"id": encode_id("Booking", CUSTOMER)}, True),
        (TEXTS[1], {"text": "ada", "since": "2027-03-01T00:00:00Z"}, True),
        (TEXTS[2], {"id": encode_id("Room", CUSTOMER)}, True),
        # They hold several leaves, decide the SQL, or are looked into.
        (TEXTS[2], {"ids": [encode_id("Room", CUSTOMER)]}, False),
        (TEXTS[2], {"status": "HELD"}, False),
        (TEXTS[3], {"first": 3}, False),
        (TEXTS[4], {"id": "nothing", "other": "nothing"}, False),
    ],
)
def test_values_that_are_only_bound_are_found_in_the_variables(
    text: str, given_: dict[str, Any], is_programmed: bool
) -> None:
    known = _Asked(text)

    known.bound(given_, OWNER)
    known.bound(given_, OWNER)

    (program,) = known.normalized.programs.values()
    assert (program is not None) is is_programmed


def test_programs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.graphql.compiler.plans.MAX_PROGRAMS", 2)
    known = _Asked(TEXTS[1])

    for given_ in ({}, {"text": "a"}, {"since": "2027-03-01T00:00:00Z"}):
        known.bound(given_, OWNER)
        known.bound(given_, OWNER)

    assert len(known.normalized.programs) == 1


@pytest.mark.parametrize(
    "look",
    [bool, len, str, list, hash, lambda each: each == 1, lambda each: isinstance(each, str)],
    ids=["bool", "len", "str", "list", "hash", "equals", "isinstance"],
)
def test_a_value_that_is_not_known_yet_cannot_be_looked_into(look: Any) -> None:
    with pytest.raises(TypeError):
        look(Deferred("id"))


def test_what_is_done_to_a_value_is_done_in_order() -> None:
    doubled, shown = deferrable(lambda each: each * 2), deferrable(str)

    converted = shown(doubled(Deferred("size")))

    assert converted.convert(4) == "8"
    assert shown(doubled(4)) == "8"
