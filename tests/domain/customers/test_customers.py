"""Validation of a customer's data."""

import pytest

from domain.core.refusals import Code
from domain.customers.customers import is_locale, refusals, tidy


def test_a_name_alone_is_enough() -> None:
    assert list(refusals(name="Ada", email=None, phone=None, locale=None)) == []


def test_all_that_is_wrong_is_said_at_once() -> None:
    refused = list(
        refusals(
            name="",
            email="nobody",
            phone="by post",
            locale="english",
            notes="x" * 2001,
            path=("customer", "new"),
        )
    )

    assert [(each.code, each.path) for each in refused] == [
        (Code.REQUIRED, ("customer", "new", "name")),
        (Code.INVALID, ("customer", "new", "email")),
        (Code.INVALID, ("customer", "new", "phone")),
        (Code.INVALID, ("customer", "new", "locale")),
        (Code.INVALID, ("customer", "new", "notes")),
    ]


@pytest.mark.parametrize(
    "phone",
    ["+1 212 555 0100", "(212) 555-0100", "030/901820", "0100", "+44.20.7946.0000 ext. 12"],
)
def test_a_phone_number_is_taken_as_people_write_it(phone: str) -> None:
    assert list(refusals(name="Ada", email=None, phone=phone, locale=None)) == []


@pytest.mark.parametrize("phone", ["12", "phone", "+", "1" * 40, "+1 212 555 0100\n"])
def test_what_nobody_can_dial_is_no_phone_number(phone: str) -> None:
    (refused,) = refusals(name="Ada", email=None, phone=phone, locale=None)

    assert refused.path == ("phone",)


@pytest.mark.parametrize("tag", ["en", "en-US", "de-CH", "zh-Hant-TW", "es-419", "en-DE"])
def test_a_locale_is_a_language_tag(tag: str) -> None:
    assert is_locale(tag)


@pytest.mark.parametrize("tag", ["", "english", "en_US", "xx", "en-", "../../root", "e"])
def test_a_locale_is_of_a_known_language(tag: str) -> None:
    assert not is_locale(tag)


def test_what_is_left_empty_is_not_given() -> None:
    assert tidy("  Ada ") == "Ada"
    assert tidy("   ") is None
    assert tidy(None) is None
