"""Customers over the API, and how a booking finds its customer."""

import asyncio

import pytest
from sqlmodel import col

from domain.core.ids import CustomerId
from domain.core.refusals import Invalid, NotFound, Refusal
from domain.customers.customers import CustomerChoice, NewCustomer
from kit.actor import Request
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from models.customers.customers import Customer, customers_of
from resolvers.core.transactions import perform
from resolvers.customers.customers import booker_for
from tests.support.client import Answer, Api
from tests.support.clock import StoppedClock
from tests.support.factories import Person, Venue, api_id, make_venue

CREATE = """
    mutation ($input: NewCustomerInput!) {
      createCustomer(input: $input) {
        customer { id name email phone locale notes version createdAt }
        userErrors { code path }
      }
    }
"""
UPDATE = """
    mutation ($id: ID!, $version: Int!, $input: UpdateCustomerInput!) {
      updateCustomer(id: $id, version: $version, input: $input) {
        customer { name email phone locale notes version }
        userErrors { code path ... on StaleVersionError { current { ... on Customer { name } } } }
      }
    }
"""
LIST = """
    query ($filter: CustomerFilter, $orderBy: [CustomerOrder!]) {
      customers(filter: $filter, orderBy: $orderBy) { totalCount nodes { name } }
    }
"""
ONE = "query ($id: ID!) { customer(id: $id) { name email phone } }"


async def create(api: Api, by: Person, **given: object) -> Answer:
    return await api(CREATE, {"input": given}, token=by.token)


async def update(
    api: Api, by: Person, customer: Customer, *, version: int = 1, **given: object
) -> Answer:
    variables = {"id": api_id(customer), "version": version, "input": given}
    return await api(UPDATE, variables, token=by.token)


async def names(api: Api, by: Person, **given: object) -> list[str]:
    answer = await api(LIST, given, token=by.token)
    return [each["name"] for each in answer.payload["nodes"]]


async def found_for(runtime: Runtime, by: Person, choice: CustomerChoice) -> Customer:
    """Returns the customer of a booking with this choice."""

    async def change(scope: Scope) -> Customer:
        await scope.lock()
        id = (await booker_for(scope, choice)).customer_id
        known = await scope.one(customers_of(scope.tenant_id).where(col(Customer.id) == id))
        assert known is not None
        return known

    return (await perform(runtime, by.actor, Request(new_id()), change)).result


async def count_of(runtime: Runtime, venue: Venue, email_key: str) -> int:
    scope = Scope(runtime, venue.owner.actor, Request(new_id()))
    try:
        known = await scope.all(customers_of(venue.tenant.id))
    finally:
        await scope.close()
    return sum(each.email_key == email_key for each in known)


# ------------------------------------------------------------------------------ added


async def test_staff_add_a_customer(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await create(
        api,
        venue.staff,
        name="  Ada ",
        email=" Ada@Example.com",
        phone="+1 212 555 0100",
        locale="en-US",
    )

    assert answer.refusals == []
    customer = answer.payload["customer"]
    assert customer.pop("id")
    assert customer == {
        "name": "Ada",
        "email": "Ada@Example.com",
        "phone": "+1 212 555 0100",
        "locale": "en-US",
        "notes": None,
        "version": 1,
        "createdAt": "2027-03-01T09:00:00Z",
    }


async def test_all_that_is_wrong_with_a_customer_is_told(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answer = await create(api, venue.staff, name=" ", email="ada", phone="none", locale="english")

    assert answer.payload == {
        "customer": None,
        "userErrors": [
            {"code": "REQUIRED", "path": ["input", "name"]},
            {"code": "INVALID", "path": ["input", "email"]},
            {"code": "INVALID", "path": ["input", "phone"]},
            {"code": "INVALID", "path": ["input", "locale"]},
        ],
    }


async def test_an_address_belongs_to_one_customer(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await create(api, venue.staff, name="Ada", email="ada@example.com")

    answer = await create(api, venue.staff, name="Another Ada", email=" ADA@example.com")

    assert answer.payload == {
        "customer": None,
        "userErrors": [{"code": "DUPLICATE", "path": ["input", "email"]}],
    }


async def test_customers_without_an_address_may_be_many(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await create(api, venue.staff, name="Ada")

    answer = await create(api, venue.staff, name="Ada", email="")

    assert answer.refusals == []
    assert answer.payload["customer"]["email"] is None


async def test_venues_share_no_customers(api: Api, runtime: Runtime) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)
    await create(api, venue.staff, name="Ada", email="ada@example.com")

    answer = await create(api, other.staff, name="Ada", email="ada@example.com")

    assert answer.refusals == []


async def test_of_racers_with_one_address_one_adds_the_customer(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answers = await asyncio.gather(
        *(create(api, venue.staff, name="Ada", email="ada@example.com") for _ in range(8))
    )

    assert sorted(answer.refusals for answer in answers) == [[], *([["DUPLICATE"]] * 7)]
    assert await count_of(runtime, venue, "ada@example.com") == 1


# ------------------------------------------------------------------------------ changed


async def test_what_is_absent_stays_and_what_is_null_is_cleared(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await update(api, venue.staff, venue.customer, phone="0100", locale="de", notes="Likes tea")

    answer = await update(api, venue.staff, venue.customer, version=2, email=None, locale=None)

    assert answer.payload == {
        "customer": {
            "name": "Guest",
            "email": None,
            "phone": "0100",
            "locale": None,
            "notes": "Likes tea",
            "version": 3,
        },
        "userErrors": [],
    }


async def test_a_name_can_not_be_cleared(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    null = await update(api, venue.staff, venue.customer, name=None)
    blank = await update(api, venue.staff, venue.customer, name=" ")

    assert null.payload["userErrors"] == [{"code": "REQUIRED", "path": ["input", "name"]}]
    assert blank.payload == null.payload


async def test_a_stale_change_is_told_the_present_state(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await update(api, venue.staff, venue.customer, name="Ada")

    answer = await update(api, venue.staff, venue.customer, name="Eve")

    assert answer.payload == {
        "customer": None,
        "userErrors": [{"code": "STALE_VERSION", "path": ["version"], "current": {"name": "Ada"}}],
    }


async def test_another_customers_address_is_not_taken(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    taken = f"OTHER@{venue.tenant.subdomain}.test"

    answer = await update(api, venue.staff, venue.customer, email=taken)
    own = await update(api, venue.staff, venue.other_customer, email=taken)

    assert answer.payload["userErrors"] == [{"code": "DUPLICATE", "path": ["input", "email"]}]
    assert own.refusals == []


async def test_of_racers_to_one_address_one_customer_gets_it(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    answers = await asyncio.gather(
        update(api, venue.staff, venue.customer, email="new@example.com"),
        update(api, venue.staff, venue.other_customer, email="new@example.com"),
    )

    assert sorted(answer.refusals for answer in answers) == [[], ["DUPLICATE"]]


async def test_another_venues_customer_is_not_found(api: Api, runtime: Runtime) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)

    answer = await update(api, venue.owner, other.customer, name="Mine now")
    seen = await api(ONE, {"id": api_id(other.customer)}, token=venue.owner.token)

    assert answer.payload["userErrors"] == [{"code": "NOT_FOUND", "path": ["id"]}]
    assert seen.payload is None


async def test_the_log_keeps_no_contact_data(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    await update(api, venue.staff, venue.customer, phone="0100", notes="Likes tea")

    log = "{ auditLog(first: 1) { nodes { type subjectId changes { field before after } } } }"
    answer = await api(log, token=venue.manager.token)
    assert answer.payload["nodes"] == [
        {
            "type": "CUSTOMER_UPDATED",
            "subjectId": api_id(venue.customer),
            "changes": [
                {"field": "notes", "before": None, "after": None},
                {"field": "phone", "before": None, "after": None},
            ],
        }
    ]


# ------------------------------------------------------------------------------ found


async def test_customers_are_searched_by_name_address_and_phone(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await create(api, venue.staff, name="Ada", email="lovelace@example.com")
    await create(api, venue.staff, name="Grace", phone="+1 212 555 0100")
    await create(api, venue.staff, name="100 % Eve")

    assert await names(api, venue.staff, filter={"search": "LOVELACE"}) == ["Ada"]
    assert await names(api, venue.staff, filter={"search": "555"}) == ["Grace"]
    assert await names(api, venue.staff, filter={"search": "%"}) == ["100 % Eve"]
    assert await names(api, venue.staff, filter={"email": " Lovelace@Example.com"}) == ["Ada"]
    assert await names(api, venue.staff, filter={"email": "no address"}) == []
    assert await names(api, venue.staff, filter={"phone": "(1) 212 5550100"}) == ["Grace"]


async def test_customers_are_sorted(api: Api, runtime: Runtime, clock: StoppedClock) -> None:
    venue = await make_venue(runtime)
    clock.advance(minutes=1)
    await create(api, venue.staff, name="Zoe")

    by_name = await names(api, venue.staff)
    latest_first = await names(
        api,
        venue.staff,
        orderBy=[{"field": "CREATED_AT", "direction": "DESC"}, {"field": "NAME"}],
    )

    assert by_name == ["Guest", "Other", "Zoe"]
    assert latest_first == ["Zoe", "Guest", "Other"]


async def test_a_guest_sees_only_their_own_record(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    own = await api(ONE, {"id": api_id(venue.customer)}, token=venue.guest.token)
    others = await api(ONE, {"id": api_id(venue.other_customer)}, token=venue.guest.token)
    listed = await api(LIST, token=venue.guest.token)

    assert own.payload["email"] == f"guest@{venue.tenant.subdomain}.test"
    assert others.payload is None
    assert listed.payload == {"totalCount": 1, "nodes": [{"name": "Guest"}]}


async def test_a_guest_does_not_read_the_teams_notes(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    await update(api, venue.staff, venue.customer, notes="Likes tea")

    answer = await api(
        "query ($id: ID!) { customer(id: $id) { name notes } }",
        {"id": api_id(venue.customer)},
        token=venue.guest.token,
    )

    assert answer.partial == {"customer": {"name": "Guest", "notes": None}}
    assert answer.codes == ["FORBIDDEN"]
    assert answer.errors[0]["path"] == ["customer", "notes"]


async def test_a_guest_changes_no_customer(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)

    created = await create(api, venue.guest, name="Friend")
    updated = await update(api, venue.guest, venue.customer, name="Me")

    assert created.codes == ["FORBIDDEN"]
    assert updated.codes == ["FORBIDDEN"]


# ------------------------------------------------------------------------------ of a booking


async def test_a_booking_finds_its_customer_by_address(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    address = f" GUEST@{venue.tenant.subdomain}.test"

    found = await found_for(
        runtime, venue.staff, CustomerChoice(new=NewCustomer("Somebody", address, phone="0100"))
    )

    assert found.id == venue.customer.id
    assert found.name == "Guest"
    assert found.phone is None


async def test_a_booking_adds_a_customer_who_is_unknown(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    choice = CustomerChoice(new=NewCustomer("Ada", "ada@example.com"))

    added = await found_for(runtime, venue.staff, choice)
    again = await found_for(runtime, venue.staff, choice)

    assert added.name == "Ada"
    assert again.id == added.id


async def test_bookings_that_race_add_one_customer(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    choice = CustomerChoice(new=NewCustomer("Ada", "ada@example.com"))

    found = await asyncio.gather(*(found_for(runtime, venue.staff, choice) for _ in range(8)))

    assert len({customer.id for customer in found}) == 1
    assert await count_of(runtime, venue, "ada@example.com") == 1


async def test_a_booking_for_nobodys_id_is_refused(api: Api, runtime: Runtime) -> None:
    venue, other = await make_venue(runtime), await make_venue(runtime)
    theirs = CustomerChoice(id=CustomerId(other.customer.id))

    with pytest.raises(NotFound) as refused:
        await found_for(runtime, venue.staff, theirs)

    assert refused.value.path == ("customer", "id")


async def test_what_is_wrong_with_a_bookings_customer_is_told(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    choice = CustomerChoice(new=NewCustomer("", "nobody"))

    with pytest.raises(ExceptionGroup) as refused:
        await found_for(runtime, venue.staff, choice)

    refusals = [each for each in refused.value.exceptions if isinstance(each, Refusal)]
    assert [each.path for each in refusals] == [
        ("customer", "new", "name"),
        ("customer", "new", "email"),
    ]


async def test_a_guest_books_for_nobody_else(api: Api, runtime: Runtime) -> None:
    venue = await make_venue(runtime)
    own = CustomerChoice(id=CustomerId(venue.customer.id))
    other = CustomerChoice(id=CustomerId(venue.other_customer.id))
    new = CustomerChoice(new=NewCustomer("Friend", f"other@{venue.tenant.subdomain}.test"))

    found = await found_for(runtime, venue.guest, own)

    assert found.id == venue.customer.id
    with pytest.raises(NotFound):
        await found_for(runtime, venue.guest, other)
    with pytest.raises(Invalid):
        await found_for(runtime, venue.guest, new)
