"""A venue's settings of notifications."""

import pytest

from domain.notifications.settings import page_refusals, sender_refusals


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("The desk\r\nof the venue", "A name must be one line of text."),
        ("The desk\u2028of the venue", "A name must be one line of text."),
        ("x" * 61, "At most 60 characters."),
    ],
    ids=["line break", "line separator", "long"],
)
def test_a_sender_that_no_mail_can_have_is_refused(name: str, message: str) -> None:
    (refusal,) = sender_refusals(sender_name=name, reply_to=None)

    assert (refusal.message, refusal.path) == (message, ("sender_name",))


@pytest.mark.parametrize(
    "page",
    [
        "http://venue.example/{code}",
        "https://venue.example/",
        "https://{code}.venue.example/",
        "https://desk@venue.example/{code}",
        "https://venue.example:99999/{code}",
        "https://[::1/{code}",
    ],
)
def test_a_page_that_no_browser_opens_is_refused(page: str) -> None:
    assert [each.path for each in page_refusals(page)] == [("booking_page",)]
    assert list(page_refusals("https://venue.example:8443/booking?code={code}")) == []
