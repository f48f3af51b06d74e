"""Any signed webhook is either parsed as an event or rejected."""

from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from integrations.payments.local import LocalGateway
from integrations.payments.protocol import BadEvent, Gateway, GatewayEvent
from integrations.payments.stripe import StripeGateway
from integrations.stripe_client import StripeApi
from kit.clock import system_clock
from resolvers.payments.gateway_events import event_of, written

STRIPE = StripeGateway(StripeApi("sk_test_1"), webhook_secrets=())
LOCAL = LocalGateway(Path("unused"), secret="a secret", clock=system_clock)

TEXTS = st.sampled_from(["", "pi_1", "event", "payment_intent", "usd", "a\0b", "é"]) | st.text()
ANYTHING: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
SEEN: Any = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("id", "object", "metadata", "customer", "payment_intent", "parent", "charge"), ANYTHING
    ),
)
OF_STRIPE: Any = st.fixed_dictionaries(
    {"object": st.just("event") | ANYTHING, "id": TEXTS, "type": TEXTS},
    optional={
        "created": st.integers(0, 2**33) | ANYTHING,
        "data": st.fixed_dictionaries({"object": SEEN | ANYTHING}) | ANYTHING,
        "account": ANYTHING,
    },
)
OF_OURS: Any = st.fixed_dictionaries(
    {
        "id": TEXTS,
        "type": TEXTS,
        "subject": st.just("payment") | ANYTHING,
        "created": st.integers(0, 2**33) | ANYTHING,
        "object_id": ANYTHING,
        "ids": st.dictionaries(TEXTS, TEXTS) | ANYTHING,
        "metadata": st.dictionaries(TEXTS, TEXTS) | ANYTHING,
    }
)


def read(gateway: Gateway, body: bytes) -> GatewayEvent | None:
    try:
        return gateway.parse_event(body)
    except BadEvent:
        return None


@given(ANYTHING | OF_STRIPE)
def test_stripes(given: object) -> None:
    event = read(STRIPE, orjson.dumps(given))

    if event and event.subject:
        assert b"\\u0000" not in orjson.dumps(written(event))
        assert event_of(orjson.loads(orjson.dumps(written(event)))) == event


@given(ANYTHING | OF_OURS)
def test_ours(given: object) -> None:
    event = read(LOCAL, orjson.dumps(given))

    if event:
        assert event_of(orjson.loads(orjson.dumps(written(event)))) == event


@given(st.binary(max_size=200))
def test_bytes(body: bytes) -> None:
    assert read(STRIPE, body) is None
    assert read(LOCAL, body) is None
