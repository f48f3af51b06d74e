"""Templates: variables are replaced, and nothing else is."""

import pytest

from domain.notifications.kinds import Channel, NotificationKind
from domain.notifications.templates import Template, filled, one_line, template_refusals
from domain.notifications.variables import Variable

CONFIRMED = NotificationKind.BOOKING_CONFIRMED
KNOWN = (
    "{venue}, {name}, {first_name}, {date}, {time}, {duration}, {rooms}, {guests}, {price}, {due}, "
    "{reference}, {manage_link}"
)


def test_a_line_all_of_whose_variables_are_empty_is_left_out() -> None:
    text = "Hello {first_name},\n\n{venue} is glad.\n\nBefore: {old_date} {old_time}\n\nBye"

    assert filled(text, {Variable.VENUE: "Boom", Variable.OLD_TIME: ""}) == "Boom is glad.\n\nBye"
    assert filled(text, {Variable.OLD_TIME: "19:00"}) == "Before:  19:00\n\nBye"


def test_a_value_that_looks_like_a_variable_stays_as_it_is() -> None:
    assert filled("For {customer}", {Variable.CUSTOMER: "{price}"}) == "For {price}"


def test_a_subject_has_no_line_breaks_whatever_is_in_it() -> None:
    assert one_line("Confirmed:\r\nBcc: all@example.com\u2028\x00!") == (
        "Confirmed: Bcc: all@example.com !"
    )


@pytest.mark.parametrize(
    ("channel", "subject", "body", "problems"),
    [
        (
            Channel.EMAIL,
            "{pirce}",
            "{customer} {0} {pirce} {}",
            [
                f"There is no variable {{pirce}} here; use {KNOWN}.",
                f"There is no variable {{customer}} here; use {KNOWN}.",
                f"There is no variable {{0}} here; use {KNOWN}.",
                f"There is no variable {{pirce}} here; use {KNOWN}.",
                f"There is no variable {{}} here; use {KNOWN}.",
            ],
        ),
        (
            Channel.PUSH,
            "Confirmed",
            "at { venue",
            [f"Braces are for variables alone, and come in pairs: {KNOWN}."],
        ),
        (Channel.EMAIL, None, " \n", ["Subject is required.", "Body is required."]),
        (Channel.SMS, "Hello", "x" * 601, ["An SMS has no subject.", "At most 600 characters."]),
        (Channel.IN_APP, "a\nb", "c", ["A subject has one line."]),
        (Channel.IN_APP, "x" * 151, "c", ["At most 150 characters."]),
    ],
    ids=["unknown", "broken", "empty", "sms", "lines", "long"],
)
def test_what_a_template_cannot_be_is_refused(
    channel: Channel, subject: str | None, body: str, problems: list[str]
) -> None:
    refused = list(template_refusals(CONFIRMED, channel, Template(subject, body)))

    assert [each.message for each in refused] == problems
