"""The names of events in webhooks, signatures, and when a delivery is tried again."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from domain.core.log_events import EventType
from domain.webhooks.deliveries import PAUSES, pause_after
from domain.webhooks.events import TOPICS, event_name
from domain.webhooks.signatures import new_secret, signed_headers

NAMES: Final = {
    EventType.BOOKING_CREATED: "booking.created",
    EventType.BOOKING_CHECKED_IN: "booking.checked_in",
    EventType.CUSTOMER_UPDATED: "customer.updated",
    EventType.CUSTOMERS_MERGED: "customers.merged",
    EventType.CUSTOMER_MERGE_UNDONE: "customer_merge.undone",
    EventType.PRICE_RULES_CHANGED: "price_rules.changed",
    EventType.PAYMENT_RECEIVED: "payment.received",
}
BODY: Final = b'{"type":"booking.created"}'


@pytest.mark.parametrize("type", NAMES)
def test_an_event_is_named_by_its_topic_and_what_happened(type: EventType) -> None:
    assert event_name(type) == NAMES[type]


def test_no_two_events_have_one_name() -> None:
    assert len({event_name(each) for each in TOPICS}) == len(TOPICS)


@pytest.mark.parametrize("type", ["LOGIN_FAILED", "PASSWORD_CHANGED", "API_KEY_CREATED"])
def test_events_of_accounts_are_not_sent(type: str) -> None:
    assert EventType(type) not in TOPICS


def test_the_reference_library_verifies_a_signature() -> None:
    secret = new_secret()
    headers = signed_headers([secret], id="a", at=datetime.now(UTC), body=BODY)

    assert Webhook(secret).verify(BODY, dict(headers)) == {"type": "booking.created"}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, dict(headers))


def test_the_reference_library_signs_the_same() -> None:
    secret, at = new_secret(), datetime.now(UTC)

    headers = signed_headers([secret], id="a", at=at, body=BODY)

    assert headers["webhook-signature"] == Webhook(secret).sign("a", at, BODY.decode())


def test_while_rotating_either_secret_verifies() -> None:
    old, new = new_secret(), new_secret()
    headers = dict(signed_headers([new, old], id="a", at=datetime.now(UTC), body=BODY))

    assert Webhook(old).verify(BODY, headers) == Webhook(new).verify(BODY, headers)


def test_ten_attempts_take_three_days() -> None:
    assert sum(PAUSES, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert pause_after(10) is None
    assert timedelta(seconds=4.5) <= (pause_after(1) or timedelta()) <= timedelta(seconds=5.5)
    assert timedelta(hours=21.6) <= (pause_after(9) or timedelta()) <= timedelta(hours=26.4)
