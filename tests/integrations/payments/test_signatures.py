"""Webhook signatures: verified against those of Stripe's client, and their age."""

from datetime import timedelta
from typing import Any

import pytest
from stripe import WebhookSignature

from integrations.payments.protocol import BadSignature
from integrations.payments.webhook_signatures import check, signed
from tests.support.clock import MONDAY_MORNING

SECRET, OTHER = "whsec_of_now", "whsec_of_before"
BODY = '{"id": "evt_1", "name": "Café"}'
NOW = int(MONDAY_MORNING.timestamp())


def by_stripe(secret: str = SECRET, *, at: int = NOW, body: str = BODY) -> str:
    header: Any = WebhookSignature.generate_signature_header(body, secret, at)
    return str(header)


def verify(header: str | None, *, secrets: tuple[str, ...] = (SECRET,), body: str = BODY) -> None:
    check(body.encode(), header, secrets=secrets, now=MONDAY_MORNING)


def test_stripes_own_signature_is_good() -> None:
    verify(by_stripe())


def test_ours_is_the_same_as_stripes() -> None:
    assert signed(BODY.encode(), secret=SECRET, at=MONDAY_MORNING) == by_stripe()


@pytest.mark.parametrize("seconds", [-300, -1, 1, 300])
def test_clocks_may_differ_by_five_minutes(seconds: int) -> None:
    verify(by_stripe(at=NOW + seconds))


@pytest.mark.parametrize("seconds", [-86_400, -301, 301, 86_400])
def test_but_not_by_more_to_either_side(seconds: int) -> None:
    with pytest.raises(BadSignature, match="not of now"):
        verify(by_stripe(at=NOW + seconds))


def test_a_fraction_of_a_second_counts() -> None:
    with pytest.raises(BadSignature, match="not of now"):
        check(
            BODY.encode(),
            by_stripe(at=NOW - 300),
            secrets=[SECRET],
            now=MONDAY_MORNING + timedelta(milliseconds=1),
        )


def test_while_a_secret_is_replaced_stripe_signs_with_both() -> None:
    both = f"{by_stripe(OTHER)},{by_stripe().split(',')[1]}"

    verify(both)
    verify(both, secrets=(OTHER,))


def test_and_we_may_know_two() -> None:
    verify(by_stripe(OTHER), secrets=(SECRET, OTHER))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        f"t={NOW}",
        by_stripe().split(",")[1],
        by_stripe().replace("v1=", "v0="),
        by_stripe().replace("v1=", "v1=0"),
        by_stripe().replace("v1=", "v1=é"),
        by_stripe().replace("t=", "t=-"),
        by_stripe().replace("t=", "t=٣"),
        by_stripe().replace("t=", "t=9999999999999"),
        f"t={NOW},{by_stripe()}",
        by_stripe() + "," + "v1=0," * 5_000,
        by_stripe(OTHER),
        by_stripe(""),
        by_stripe(at=NOW + 1).replace(str(NOW + 1), str(NOW)),
    ],
)
def test_anything_else_is_not(header: str | None) -> None:
    with pytest.raises(BadSignature):
        verify(header)


def test_a_body_that_was_changed_is_not_what_was_signed() -> None:
    with pytest.raises(BadSignature):
        verify(by_stripe(), body=BODY.replace("evt_1", "evt_2"))


def test_without_a_secret_nothing_is_good() -> None:
    with pytest.raises(BadSignature):
        verify(by_stripe(""), secrets=())
