"""Query plans: which queries share one, which can be compiled, and how they are cached."""

from dataclasses import replace

import pytest

from tests.kit.graphql.compiler.planning import CUSTOMER, GUEST, OWNER, plans, read
from tests.kit.graphql.compiler.questions import ID

DEEP = "{ bookings(filter: {startsAt: {gte: %s}}, first: %s) { nodes { id } } }"


def test_written_out_values_share_a_plan() -> None:
    by = plans()

    first = read(DEEP % ('"2027-03-01T00:00:00Z"', 5), by=by)
    second = read(DEEP % ('"2028-01-01T00:00:00+01:00"', 250), by=by)

    assert first and second
    assert first.plan is second.plan
    assert first.values != second.values


def test_lists_of_any_length_share_a_plan() -> None:
    text = "{ bookings(filter: {roomId: {in: [%s]}}) { nodes { id } } }"
    by = plans()

    one, three = (read(text % ", ".join([f'"{ID}"'] * n), by=by) for n in (1, 3))

    assert one and three
    assert one.plan is three.plan


@pytest.mark.parametrize(
    ("this", "that"),
    [
        ("{status: {eq: HELD}}", "{status: {eq: EXPIRED}}"),
        ('{updatedAt: {lt: "2027-03-01T00:00:00Z"}}', '{updatedAt: {gte: "2027-03-01T00:00:00Z"}}'),
        ('{search: "a"}', "{search: null}"),
    ],
)
def test_what_makes_other_sql_is_another_plan(this: str, that: str) -> None:
    text = "{ bookings(filter: %s) { nodes { id } } }"
    by = plans()

    first, second = read(text % this, by=by), read(text % that, by=by)

    assert first and second
    assert first.plan.sql != second.plan.sql


def test_a_switch_leaves_fields_out_of_the_sql() -> None:
    text = "query ($with: Boolean!) { rooms { nodes { id name @include(if: $with) } } }"
    by = plans()

    bare, full = read(text, {"with": False}, by=by), read(text, {"with": True}, by=by)

    assert bare and full
    assert '"name"' not in bare.plan.sql
    assert '"name"' in full.plan.sql


def test_callers_who_may_see_other_rows_have_other_plans() -> None:
    by = plans()

    all_of_them = read("{ bookings { nodes { id } } }", by=by)
    own = read("{ bookings { nodes { id } } }", actor=GUEST, by=by)

    assert all_of_them and own
    assert CUSTOMER not in all_of_them.values
    assert CUSTOMER in own.values


def test_callers_of_two_tenants_share_a_plan() -> None:
    by = plans()
    other = replace(OWNER, tenant_id=CUSTOMER)

    ours, theirs = (
        read("{ rooms { nodes { id } } }", actor=each, by=by) for each in (OWNER, other)
    )

    assert ours and theirs
    assert ours.plan is theirs.plan
    assert CUSTOMER in theirs.values


@pytest.mark.parametrize(
    "text",
    [
        "{ bookings { nodes { allowedTransitions } } }",
        "{ plans { code } }",
        "{ rateLimit { cost } }",
        "{ __schema { queryType { name } } }",
        "{ rooms { nodes { %s: id } } }" % ("a" * 64),
    ],
)
def test_what_is_not_in_sql_is_answered_field_by_field(text: str) -> None:
    assert read(text) is None


def test_a_refused_column_keeps_its_field_from_being_compiled() -> None:
    assert read("{ customers { nodes { id notes } } }") is not None
    assert read("{ customers { nodes { id notes } } }", actor=GUEST) is None


def test_the_customer_of_an_own_booking_is_not_surely_one_s_own() -> None:
    assert read("{ bookings { nodes { customer { name } } } }", actor=GUEST) is not None
    assert read("{ bookings { nodes { customer { email } } } }", actor=GUEST) is None
    assert read("{ customers { nodes { email } } }", actor=GUEST) is not None


def test_only_some_of_the_roots_may_be_read_at_once() -> None:
    found = read("{ plans { code } rooms { totalCount } }")

    assert found is not None and not found.is_whole
    assert found.plan.keys == ("rooms",)


def test_hot_plans_survive_other_documents() -> None:
    by = plans(capacity=10)
    hot = read("{ rooms { nodes { id name } } }", by=by)
    assert hot and read("{ rooms { nodes { id name } } }", by=by)

    for number in range(50):
        assert read(f"{{ rooms {{ nodes {{ a{number}: id }} }} }}", by=by)

    again = read("{ rooms { nodes { id name } } }", by=by)
    assert again and again.plan is hot.plan
