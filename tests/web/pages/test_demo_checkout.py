"""The demo's checkout page: a customer pays, is declined or leaves, and webhooks follow."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from domain.core.money import Money
from integrations.payments.local import LocalGateway
from integrations.payments.protocol import (
    Capture,
    Gateway,
    GatewayEvent,
    Order,
    Payment,
    PaymentStatus,
    Subject,
)
from jobs.gateway_events import HANDLERS
from kit.ids import new_id
from kit.runtime import Runtime
from tests.support.client import Api
from tests.support.clock import StoppedClock
from tests.support.work import run_due_jobs

TENANT_ID = new_id()
PRICE = Money(2900, "USD")
METADATA = {"tenant_id": str(TENANT_ID)}


@pytest.fixture
def gateway(runtime: Runtime) -> LocalGateway:
    found = runtime.services[Gateway]
    assert isinstance(found, LocalGateway)
    return found


@pytest.fixture(autouse=True)
def handled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[GatewayEvent]]:
    """The handled events of payments and refunds."""
    events: list[GatewayEvent] = []

    async def keep(_runtime: Runtime, event: GatewayEvent) -> None:
        events.append(event)

    with monkeypatch.context() as patch:
        patch.setitem(HANDLERS, Subject.PAYMENT, (keep,))
        patch.setitem(HANDLERS, Subject.REFUND, (keep,))
        yield events


async def open_payment(
    gateway: LocalGateway, capture: Capture = Capture.NOW, *, amount: Money = PRICE
) -> Payment:
    order = Order(amount, reference="ours-1", capture=capture, metadata=METADATA)
    return await gateway.create(order, key=str(new_id()))


async def page_of(api: Api, payment: Payment) -> str:
    response = await api.http.get(str(payment.checkout_url))
    assert response.status_code == 200
    return response.text


async def act(api: Api, payment: Payment, action: str) -> str:
    """Presses a button of the page, and returns the next page."""
    response = await api.http.post(
        str(payment.checkout_url), data={"action": action}, follow_redirects=True
    )
    assert response.status_code == 200
    return response.text


def types(events: list[GatewayEvent]) -> list[str]:
    return [event.type for event in events]


async def test_the_page_says_what_it_costs_and_that_no_money_moves(
    api: Api, gateway: LocalGateway
) -> None:
    page = await page_of(api, await open_payment(gateway))

    assert "$29.00" in page
    assert "no money moves" in page
    assert page.count("<button") == 3


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (Money(123450, "RSD"), "RSD1,234.50"),
        (Money(1234567, "IQD"), "IQD1,234.567"),
        (Money(1234, "JPY"), "¥1,234<"),
    ],
)
async def test_the_page_shows_all_digits_that_are_charged(
    api: Api, gateway: LocalGateway, amount: Money, shown: str
) -> None:
    assert f"Pay {shown}" in await page_of(api, await open_payment(gateway, amount=amount))


async def test_a_customer_pays(
    api: Api, runtime: Runtime, gateway: LocalGateway, handled: list[GatewayEvent]
) -> None:
    payment = await open_payment(gateway)

    page = await act(api, payment, "pay")

    assert "Thank you: $29.00 is paid." in page and "<button" not in page
    await run_due_jobs(runtime)
    (event,) = handled
    assert (event.type, event.payment_id) == ("payment.paid", payment.id)
    assert event.tenant_id == TENANT_ID
    assert (await gateway.fetch(payment.id)).received == Money(2900, "USD")


async def test_a_card_is_held_for_a_no_show(
    api: Api, runtime: Runtime, gateway: LocalGateway, handled: list[GatewayEvent]
) -> None:
    payment = await open_payment(gateway, Capture.LATER)

    page = await act(api, payment, "pay")

    assert "$29.00 is held on your card. Nothing has been taken." in page
    await run_due_jobs(runtime)
    assert types(handled) == ["payment.held"]


async def test_a_card_is_declined_and_another_one_isn_t(
    api: Api, runtime: Runtime, gateway: LocalGateway, handled: list[GatewayEvent]
) -> None:
    payment = await open_payment(gateway)

    assert "Your card was declined" in await act(api, payment, "fail")
    assert "is paid" in await act(api, payment, "pay")

    await run_due_jobs(runtime)
    assert sorted(types(handled)) == ["payment.failed", "payment.paid"]


async def test_a_customer_leaves_and_may_come_back(
    api: Api, runtime: Runtime, gateway: LocalGateway, handled: list[GatewayEvent]
) -> None:
    payment = await open_payment(gateway)

    page = await act(api, payment, "leave")

    assert "You left without paying" in page and page.count("<button") == 3
    await run_due_jobs(runtime)
    assert handled == []
    assert (await gateway.fetch(payment.id)).status is PaymentStatus.OPEN


async def test_who_pays_twice_has_paid_once(
    api: Api, runtime: Runtime, gateway: LocalGateway, handled: list[GatewayEvent]
) -> None:
    payment = await open_payment(gateway)
    await act(api, payment, "pay")

    page = await act(api, payment, "pay")

    assert "$29.00 is paid" in page
    await run_due_jobs(runtime)
    assert types(handled) == ["payment.paid"]


async def test_what_has_been_cancelled_can_not_be_paid(api: Api, gateway: LocalGateway) -> None:
    payment = await open_payment(gateway)
    await gateway.cancel(payment.id, key="a key")

    page = await act(api, payment, "pay")

    assert "This payment was cancelled." in page
    assert (await gateway.fetch(payment.id)).status is PaymentStatus.CANCELLED


async def test_what_was_given_back_is_shown_and_told_without_anybody_at_the_page(
    api: Api, runtime: Runtime, gateway: LocalGateway, handled: list[GatewayEvent]
) -> None:
    payment = await open_payment(gateway)
    await act(api, payment, "pay")

    await gateway.refund(payment.id, amount=Money(900, "USD"), reference="back", key="key")

    assert "$9.00 was given back." in await page_of(api, payment)
    await until_handled(handled, "refund.done")
    await run_due_jobs(runtime)
    assert sorted(types(handled)) == ["payment.paid", "refund.done"]


async def until_handled(handled: list[GatewayEvent], type: str) -> None:
    """Raises TimeoutError if no webhook comes within half a minute."""
    async with asyncio.timeout(30):
        while True:
            if type in types(handled):
                return
            await asyncio.sleep(0.05)


async def test_payments_and_what_is_to_be_told_outlast_a_restart(
    gateway: LocalGateway, clock: StoppedClock, tmp_path: Path
) -> None:
    file = tmp_path / "books.sqlite3"
    before = LocalGateway(file, secret="a secret", clock=clock)
    payment = await open_payment(before)
    await before.pay(payment.id)

    after = LocalGateway(file, secret="a secret", clock=clock)

    assert (await after.fetch(payment.id)).status is PaymentStatus.PAID
    (delivery,) = await after.undelivered()
    assert payment.id in delivery.body.decode()


async def test_the_books_are_for_nobody_elses_eyes(gateway: LocalGateway, tmp_path: Path) -> None:
    await open_payment(gateway)

    assert (tmp_path / "local-payments.sqlite3").stat().st_mode & 0o077 == 0


async def test_nobody_else_can_tell_us_of_payments(
    api: Api, clock: StoppedClock, tmp_path: Path
) -> None:
    forger = LocalGateway(tmp_path / "forged.sqlite3", secret="a guess", clock=clock)
    payment = await open_payment(forger)
    await forger.pay(payment.id)
    (delivery,) = await forger.undelivered()

    answer = await api.http.post(
        "/webhooks/local", content=delivery.body, headers=dict(forger.signed(delivery))
    )

    assert answer.status_code == 400


async def test_a_payment_that_there_is_not_is_not_found(api: Api) -> None:
    response = await api.http.get("/dev/pay/pay_that_nobody_opened")

    assert response.status_code == 404
    assert "There is no such payment." in response.text


@pytest.mark.parametrize("body", [b"", b"action=steal", b"action=pay&action=fail", b"\xff", b"x=1"])
async def test_what_is_no_button_does_nothing(api: Api, gateway: LocalGateway, body: bytes) -> None:
    payment = await open_payment(gateway)

    response = await api.http.post(str(payment.checkout_url), content=body)

    assert response.status_code == 400
    assert (await gateway.fetch(payment.id)).status is PaymentStatus.OPEN


async def test_the_page_runs_no_scripts_and_is_shown_in_no_frame(
    api: Api, gateway: LocalGateway
) -> None:
    payment = await open_payment(gateway)

    response: httpx2.Response = await api.http.get(str(payment.checkout_url))

    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["cache-control"] == "no-store"
    assert "<script" not in response.text
