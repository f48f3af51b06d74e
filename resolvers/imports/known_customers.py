"""Finds the customers of a venue that rows are about: by e-mail address, else by phone."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final
from uuid import UUID

from domain.core.contact import normalised_email
from domain.core.phones import country_of_zone, digits_from, phone_digits, sought_digits
from domain.core.refusals import Code, WithoutDetails
from domain.core.text import search_form, sort_key
from domain.imports.rows import CustomerFields
from kit.scope import Scope
from models.customers.customers import Customer
from models.imports.matches import customers_like, merged_addresses

_FEWEST_DIGITS: Final = 5
_SEVERAL: Final = "Several customers have this phone number: add the e-mail address."


class SeveralCustomers(WithoutDetails):
    """More than one customer may be meant."""


class KnownCustomers:
    """The customers that some rows may be about, and those that were added for rows before.

    An address decides alone. A phone decides where one of the two has no address, because people
    share phones more often than addresses; of several with the phone, the name does. Of customers
    with neither, the same name is the same customer.
    """

    def __init__(self, time_zone: str, added: Sequence[Customer] = ()) -> None:
        self._country = country_of_zone(time_zone)
        self._by_email: dict[str, Customer] = {}
        self._by_phone: defaultdict[str, list[Customer]] = defaultdict(list)
        self._by_name: dict[str, Customer] = {}
        for each in added:
            self.add(each)

    async def load(self, scope: Scope, fields: Iterable[CustomerFields]) -> "KnownCustomers":
        """Loads the customers that rows may be about."""
        given = list(fields)
        emails = {key for each in given if (key := email_key(each.email)) is not None}
        phones = {form for each in given for form in self._forms(each.phone)}
        kept = await scope.rows(merged_addresses(scope.tenant_id, emails))
        merged: dict[str, UUID] = {row[0]: row[1] for row in kept}
        found = await scope.all(
            customers_like(
                scope.tenant_id,
                emails=emails,
                phones=phones,
                names={sort_key(each.name) for each in given if _is_only_named(each)},
                ids=set(merged.values()),
            )
        )
        by_id: dict[UUID, Customer] = {each.id: each for each in found}
        for customer in found:
            self.add(customer)
        for address, id in merged.items():
            if id in by_id:
                self._by_email.setdefault(address, by_id[id])
        return self

    def add(self, customer: Customer) -> None:
        if customer.email_key is not None:
            self._by_email[customer.email_key] = customer
        if (digits := self._digits(customer.phone)) is not None:
            self._by_phone[digits].append(customer)
        if _is_only_named(customer):
            self._by_name[sort_key(customer.name)] = customer

    def find(self, fields: CustomerFields) -> Customer | None:
        """Returns the customer that a row is about. Raises SeveralCustomers."""
        if _is_only_named(fields):
            return self._by_name.get(sort_key(fields.name))
        key = email_key(fields.email)
        if key is not None and (known := self._by_email.get(key)) is not None:
            return known
        same_phone = [
            each
            for each in self._by_phone.get(self._digits(fields.phone) or "", ())
            if key is None or each.email_key is None
        ]
        if len(same_phone) > 1:
            name = search_form(fields.name)
            same_phone = [each for each in same_phone if search_form(each.name) == name]
            if len(same_phone) != 1:
                raise SeveralCustomers(code=Code.DUPLICATE, text=_SEVERAL)
        return same_phone[0] if same_phone else None

    def _digits(self, phone: str | None) -> str | None:
        """Returns a phone in the form in which it is compared: with its country code."""
        if phone is None:
            return None
        digits = digits_from(phone, self._country)
        return digits if len(digits) >= _FEWEST_DIGITS else None

    def _forms(self, phone: str | None) -> set[str]:
        """Returns the forms in which the same phone may be stored."""
        digits = self._digits(phone)
        if phone is None or digits is None:
            return set()
        return {digits, phone_digits(phone), sought_digits(phone) or digits}

    def all(self) -> Iterable[Customer]:
        """Returns all of them, some perhaps twice."""
        yield from self._by_email.values()
        for each in self._by_phone.values():
            yield from each
        yield from self._by_name.values()


@lru_cache(maxsize=1_000)
def email_key(email: str | None) -> str | None:
    # Of each row it is needed several times, and takes a fifth of a millisecond.
    return normalised_email(email or "")


def _is_only_named(who: CustomerFields | Customer) -> bool:
    return who.email is None and who.phone is None
