"""One addr-spec, its key, and what mail servers are given."""

import pytest

from domain.core.email_addresses import mail_address


def key_of(text: str) -> str | None:
    address = mail_address(text)
    return None if address is None else address.key


def test_case_and_surrounding_space_make_no_difference() -> None:
    assert key_of("  Ann.B@Example.COM ") == "ann.b@example.com"


def test_two_domains_that_fold_to_one_belong_to_two_people() -> None:
    assert key_of("kim@straße.de") == "kim@xn--strae-oqa.de"
    assert key_of("kim@strasse.de") == "kim@strasse.de"


@pytest.mark.parametrize("text", ["kim@müller.de", "kim@MÜLLER.de", "kim@mu\u0308ller.de"])
def test_a_domain_and_its_a_label_are_one(text: str) -> None:
    assert key_of(text) == key_of("kim@xn--mller-kva.de") == "kim@xn--mller-kva.de"


@pytest.mark.parametrize("text", ["MÜLLER@x.test", "mu\u0308ller@x.test"])
def test_the_part_before_the_at_is_found_in_any_case_and_normal_form(text: str) -> None:
    assert key_of(text) == "müller@x.test"


def test_the_part_before_the_at_is_not_folded() -> None:
    assert key_of("groß@x.test") != key_of("gross@x.test")


def test_mail_goes_to_the_address_as_given_with_an_a_label_for_its_domain() -> None:
    assert str(mail_address("Ann.B@Straße.de")) == "Ann.B@xn--strae-oqa.de"


@pytest.mark.parametrize("text", ["o'hara+tag@x.test", "a@123.test", "boom@sub.example.com"])
def test_an_unusual_address_is_one(text: str) -> None:
    assert key_of(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@",
        "@x.test",
        "ann@localhost",
        "ann@x..test",
        "ann@[192.0.2.1]",
        "a,b@x.test",
        "a;b@x.test",
        "a@x.test,b@x.test",
        "ann(comment)@x.test",
        "<ann@x.test>",
        "Ann <ann@x.test>",
        '"ann b"@x.test',
        "ann b@x.test",
        "ann@x.test\nBcc: bob@x.test",
        "ann\u200d@x.test",
        "ann\u00ad@x.test",
        "ann@x\u200b.test",
        "ann\u202e@x.test",
        "ann\u034f@x.test",
        "ann\ufe0f@x.test",
        "ann\u3164@x.test",
        "ann@xn--n3h.test",
        f"{'a' * 65}@x.test",
        f"ann@{'a.' * 130}test",
    ],
)
def test_what_is_not_exactly_one_address_is_none(text: str) -> None:
    assert mail_address(text) is None
