"""Phone numbers are found by their digits, in any notation."""

import pytest

from domain.core.phones import phone_digits, sought_digits


@pytest.mark.parametrize(
    ("phone", "digits"),
    [
        ("+1 212 555 0100", "12125550100"),
        ("+1 (212) 555-0100 ext. 12", "12125550100"),
        ("0049 30 123456", "4930123456"),
        ("+49 (0)30 123456", "4930123456"),
        ("030 / 12 34 56", "30123456"),
        ("212-555-0100 x9", "2125550100"),
        ("0100", "100"),
        ("+12", "12"),
    ],
)
def test_the_digits_of_a_number(phone: str, digits: str) -> None:
    assert phone_digits(phone) == digits


@pytest.mark.parametrize(
    ("stored", "sought"),
    [
        ("+49 30 123456", "030 123456"),
        ("030 123456", "+49 30 123456"),
        ("030 123456", "0049 30 123456"),
        ("+1 (212) 555-0100", "212.555.0100"),
        ("212 555 0100", "+1 212 555 0100"),
        ("+39 06 123456", "06 123456"),
        ("+1 212 555 0100", "5550100"),
        ("212 555 0100", "1 212 555 0100"),
        ("020 7946 0958", "011 44 20 7946 0958"),
        ("+1 212 555 0100", "212-555-0100 ext. 5"),
        ("+1 212 555 0100", "tel:+12125550100"),
        ("+1 212 555 0100", "\u202a212\u2011555\u20110100\u202c"),
        ("+49 30 123456", "\uff10\uff13\uff10 \u0661\u0662\u0663\u0664\u0665\u0666"),
    ],
)
def test_a_number_is_found_with_and_without_its_country(stored: str, sought: str) -> None:
    digits = sought_digits(sought)

    assert digits is not None and digits in phone_digits(stored)


@pytest.mark.parametrize("text", ["", "12", "00", "Room 101", "a@x.test", "3 x 3"])
def test_what_is_no_part_of_a_number_finds_none(text: str) -> None:
    assert sought_digits(text) is None
