"""The demo's checkout page at /dev/pay/<payment>: pay, have a card declined, or leave."""

import html
from decimal import Decimal
from string import Template
from typing import Final, assert_never
from urllib.parse import parse_qs

import structlog
from babel.numbers import format_currency
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from domain.core.money import Money, currency_digits
from integrations.payments.local import LocalGateway
from integrations.payments.local_store import PAGE
from integrations.payments.protocol import (
    BadEvent,
    GatewayAway,
    GatewayRefused,
    Payment,
    PaymentStatus,
)
from kit.actor import Request
from kit.errors import Unavailable
from kit.ids import new_id
from web.routes.payment_webhooks import Webhooks
from web.server.request_body import ClientDisconnected, TooLarge, read_body

EVERY_SECONDS: Final = 1.0

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}

log = structlog.get_logger(__name__)


class DevPay:
    """Serves the page, and delivers the webhooks of the local gateway. No money moves."""

    def __init__(self, gateway: LocalGateway, webhooks: Webhooks) -> None:
        self._gateway = gateway
        self._webhooks = webhooks
        self.routes = [
            Route(f"{PAGE}/{{id}}", self._show, methods=["GET"]),
            Route(f"{PAGE}/{{id}}", self._act, methods=["POST"]),
        ]

    async def run(self) -> None:
        """Delivers webhooks until the process stops."""
        while True:
            await self.deliver()
            await self._gateway.news(within_seconds=EVERY_SECONDS)

    async def deliver(self) -> None:
        """Delivers pending webhooks now; those that fail are retried later."""
        for delivery in await self._gateway.undelivered():
            headers = self._gateway.signed(delivery)
            try:
                await self._webhooks.receive(delivery.body, headers, Request(new_id()))
            except Unavailable:
                return
            except BadEvent:
                log.exception("local_gateway.unreadable", delivery=delivery.number)
            await self._gateway.delivered(delivery)

    async def _show(self, http: HttpRequest) -> Response:
        try:
            payment = await self._gateway.fetch(http.path_params["id"])
        except GatewayRefused:
            return _note(404, "There is no such payment.")
        except GatewayAway:
            return _note(503, "The demo's books are busy. Try again.")
        return _page(200, _body(payment, has_left="left" in http.query_params))

    async def _act(self, http: HttpRequest) -> Response:
        id = http.path_params["id"]
        action = await _action(http)
        try:
            match action:
                case "pay":
                    await self._gateway.pay(id)
                case "fail":
                    await self._gateway.fail(id)
                case "leave":
                    return _see(f"{id}?left")
                case _:
                    return _note(400, "Pay, have the card declined, or leave.")
        except (GatewayRefused, GatewayAway):
            # The payment was paid or closed meanwhile; the page shows its current status.
            return _see(id)
        await self.deliver()
        return _see(id)


async def _action(http: HttpRequest) -> str | None:
    try:
        (action,) = parse_qs(
            (
                await read_body(http.receive, content_length=http.headers.get("content-length", ""))
            ).decode()
        )["action"]
    except (TooLarge, ClientDisconnected, KeyError, ValueError):
        return None
    return action


def _see(id: str) -> Response:
    return RedirectResponse(f"{PAGE}/{id}", 303, headers=_HEADERS)


def _body(payment: Payment, *, has_left: bool) -> str:
    amount = html.escape(_shown(payment.amount))
    match payment.status:
        case PaymentStatus.OPEN if has_left:
            text = "You left without paying, and nothing was taken. You can still come back."
            return _NOTE.substitute(text=text) + _FORM.substitute(amount=amount)
        case PaymentStatus.OPEN if payment.failure:
            text = "Your card was declined. Nothing was taken; try another one."
            return _NOTE.substitute(text=text) + _FORM.substitute(amount=amount)
        case PaymentStatus.OPEN:
            return _FORM.substitute(amount=amount)
        case PaymentStatus.PROCESSING:
            text = f"{amount} is on its way."
        case PaymentStatus.HELD:
            text = f"{amount} is held on your card. Nothing has been taken."
        case PaymentStatus.PAID:
            text = f"Thank you: {html.escape(_shown(payment.received))} is paid."
            if payment.refunds:
                text += f" {html.escape(_shown(payment.refunded))} was given back."
        case PaymentStatus.CANCELLED:
            text = "This payment was cancelled. Nothing was taken."
        case _:
            assert_never(payment.status)
    return _NOTE.substitute(text=text) + _END


def _shown(amount: Money) -> str:
    # Our own number of digits: Babel uses CLDR's, which leave out digits unused in cash.
    digits = currency_digits(amount.currency_code)
    return format_currency(
        Decimal(amount.amount),
        amount.currency_code,
        f"¤#,##0.{'0' * digits}" if digits else "¤#,##0",
        locale="en_US",
        currency_digits=False,
    )


def _note(status: int, text: str) -> HTMLResponse:
    return _page(status, _NOTE.substitute(text=text))


def _page(status: int, body: str) -> HTMLResponse:
    return HTMLResponse(_PAGE.substitute(body=body), status, headers=_HEADERS)


_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Checkout · Boom Booking</title>
<style>
  :root { color-scheme: light dark; --ink: #1d2433; --paper: #fff; --ground: #eef1f6;
    --soft: #5b6475; --accent: #2f5bea; --line: #d5dae4; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e8ebf2; --paper: #1b2130;
    --ground: #11151f; --soft: #a2abbd; --accent: #7d9bff; --line: #343c4f; } }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
    box-sizing: border-box; background: var(--ground); color: var(--ink);
    font: 1rem/1.5 system-ui, sans-serif; }
  main { width: 100%; max-width: 24rem; background: var(--paper); border-radius: 1rem;
    padding: 2rem; box-sizing: border-box; box-shadow: 0 .5rem 2rem rgb(0 0 0 / .12); }
  .demo { margin: 0 0 1.5rem; font-size: .875rem; color: var(--soft);
    border: 1px dashed var(--line); border-radius: .5rem; padding: .5rem .75rem; }
  h1 { margin: 0; font-size: 1rem; font-weight: 500; color: var(--soft); }
  .amount { margin: 0 0 1.5rem; font-size: 2.25rem; font-weight: 650; }
  button { display: block; width: 100%; margin-top: .75rem; padding: .75rem; font: inherit;
    border-radius: .625rem; border: 1px solid var(--line); background: none; color: inherit;
    cursor: pointer; }
  button.main { background: var(--accent); border-color: var(--accent); color: var(--paper);
    font-weight: 600; }
  button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
  .soft { color: var(--soft); font-size: .875rem; }
</style>
</head>
<body>
<main>
<p class="demo"><strong>Demo:</strong> no money moves, and no card is asked for.</p>
$body
</main>
</body>
</html>
""")
_NOTE: Final = Template('<p role="status">$text</p>\n')
_END: Final = '<p class="soft">You can close this page.</p>\n'
_FORM: Final = Template("""<h1>To pay for your booking</h1>
<p class="amount">$amount</p>
<form method="post">
<button class="main" name="action" value="pay">Pay $amount</button>
<button name="action" value="fail">Have the card declined</button>
<button name="action" value="leave">Leave without paying</button>
</form>
""")
