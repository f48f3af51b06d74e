"""Stripe's billing on loopback: prices, customers, subscriptions, schedules, checkout, invoices.

Time passes when the test says so, by ``pass_time``; a card is good, bad, or there is none.
"""

import calendar
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from tests.integrations.payments.fake_stripe import (
    FakeStripe,
    Objects,
    Refused,
    StripeRequest,
)
from tests.support.serving import serving

LIVE = ("trialing", "active", "past_due", "unpaid")


@dataclass
class FakeBilling(FakeStripe):
    """Subscriptions by id, in memory; the public methods cause events from outside."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    customers: Objects = field(default_factory=dict)
    prices: Objects = field(default_factory=dict)
    subscriptions: Objects = field(default_factory=dict)
    schedules: Objects = field(default_factory=dict)
    sessions: Objects = field(default_factory=dict)
    invoices: Objects = field(default_factory=dict)
    good_cards: dict[str, bool] = field(default_factory=dict)

    # ------------------------------------------------------------------ the world

    def subscribe(self, url: str) -> dict[str, Any]:
        """Completes a checkout page with a valid card."""
        session = next(each for each in self.sessions.values() if each["url"] == url)
        self.good_cards[session["customer"]] = True
        session["status"] = "complete"
        return self._begun(
            session["customer"],
            session["price"],
            metadata=session["subscription_metadata"],
            trial_end=session["trial_end"],
        )

    def pass_time(self) -> None:
        """Does everything that is due by now, period by period."""
        for subscription in self.subscriptions.values():
            for _ in range(100):
                if subscription["status"] not in LIVE or _ends(subscription) > self._now():
                    break
                self._end_period(subscription)

    def pay_what_is_owed(self, customer: str) -> None:
        """Enters a valid card at the portal, and retries the payment."""
        self.good_cards[customer] = True
        for invoice in self.invoices.values():
            if invoice["customer"] == customer and invoice["status"] == "open":
                invoice |= {"status": "paid", "amount_paid": invoice["total"]}
        for subscription in self._of(customer):
            if subscription["status"] in ("past_due", "unpaid"):
                subscription["status"] = "active"

    def give_up(self, customer: str) -> None:
        """Ends the retries of an unpaid invoice."""
        for subscription in self._of(customer):
            if subscription["status"] == "past_due":
                subscription["status"] = "unpaid"

    def live(self, customer: str) -> list[dict[str, Any]]:
        return [each for each in self._of(customer) if each["status"] in LIVE]

    # ------------------------------------------------------------------ its objects

    def _do(self, received: StripeRequest) -> dict[str, Any]:
        given = tree(received.given)
        match [received.method, *received.path.removeprefix("/v1/").split("/")]:
            case ["POST", "customers"]:
                return self._new("cus", "customer", self.customers, **given)
            case ["GET", "customers", id]:
                return _found(self.customers, id)
            case ["GET", "prices"]:
                key = given["lookup_keys"]["0"]
                return _listed(p for p in self.prices.values() if p["lookup_key"] == key)
            case ["POST", "prices"]:
                return self._new("price", "price", self.prices, **given)
            case ["GET", "subscriptions"]:
                return _listed(map(self._shown, reversed(self._of(given["customer"]))))
            case ["POST", "subscriptions"]:
                days = int(given["trial_period_days"])
                assert given["trial_settings"]["end_behavior"]["missing_payment_method"] == "cancel"
                return self._begun(
                    given["customer"],
                    given["items"]["0"]["price"],
                    metadata=given["metadata"],
                    trial_end=self._now() + days * 86400,
                )
            case ["GET", "subscriptions", id]:
                return _found(self.subscriptions, id)
            case ["POST", "subscriptions", id]:
                return self._updated(_found(self.subscriptions, id), given)
            case ["DELETE", "subscriptions", id]:
                return self._ended(_found(self.subscriptions, id))
            case ["POST", "subscription_schedules"]:
                return self._scheduled(_found(self.subscriptions, given["from_subscription"]))
            case ["POST", "subscription_schedules", id, "release"]:
                return self._released(_found(self.schedules, id))
            case ["POST", "subscription_schedules", id]:
                return self._planned(_found(self.schedules, id), given)
            case ["POST", "checkout", "sessions"]:
                return self._opened_page(given)
            case ["POST", "billing_portal", "sessions"]:
                _found(self.customers, given["customer"])
                return {"id": "bps_1", "object": "billing_portal.session", "url": "https://p.test"}
            case ["GET", "invoices"]:
                found = [i for i in self.invoices.values() if i["customer"] == given["customer"]]
                return _listed(reversed(found))
            case ["POST", "invoices", "create_preview"]:
                subscription = _found(self.subscriptions, given["subscription"])
                due = int(_item(subscription)["price"]["unit_amount"])
                return {"object": "invoice", "amount_due": due, "currency": "usd"}
        return super()._do(received)

    def _begun(
        self, customer: str, price: str, *, metadata: Mapping[str, str], trial_end: int | None
    ) -> dict[str, Any]:
        _found(self.customers, customer)
        now = self._now()
        item: dict[str, Any] = {
            "id": f"si_{next(self._numbers)}",
            "object": "subscription_item",
            "price": self.prices[price],
            "current_period_start": now,
            "current_period_end": trial_end or _month_after(now),
        }
        subscription = self._new(
            "sub",
            "subscription",
            self.subscriptions,
            customer=customer,
            status="trialing" if trial_end else "active",
            items={"object": "list", "data": [item]},
            trial_end=trial_end,
            cancel_at_period_end=False,
            cancel_at=None,
            ended_at=None,
            schedule=None,
            metadata=dict(metadata),
        )
        if not trial_end:
            self._bill(subscription, int(item["price"]["unit_amount"]))
        return subscription

    def _updated(self, subscription: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        if subscription["status"] not in LIVE:
            raise Refused(404, "invalid_request_error", code="resource_missing")
        if subscription["schedule"] is not None:
            raise Refused(400, "invalid_request_error", message="managed by a schedule")
        if "cancel_at_period_end" in given:
            subscription["cancel_at_period_end"] = given["cancel_at_period_end"] == "true"
        if "items" in given:
            item = _item(subscription)
            price = self.prices[given["items"]["0"]["price"]]
            difference = int(price["unit_amount"]) - int(item["price"]["unit_amount"])
            if given["proration_behavior"] == "always_invoice" and difference > 0:
                if not self.good_cards.get(subscription["customer"]):
                    raise Refused(402, "card_error", code="card_declined")
                length = item["current_period_end"] - item["current_period_start"]
                left = item["current_period_end"] - self._now()
                self._bill(subscription, difference * left // length)
            item["price"] = price
        return subscription

    def _ended(self, subscription: dict[str, Any]) -> dict[str, Any]:
        subscription |= {"status": "canceled", "ended_at": self._now()}
        return subscription

    def _scheduled(self, subscription: dict[str, Any]) -> dict[str, Any]:
        if subscription["schedule"] is not None:
            raise Refused(400, "invalid_request_error", message="already managed by a schedule")
        item = _item(subscription)
        schedule = self._new(
            "sub_sched",
            "subscription_schedule",
            self.schedules,
            subscription=subscription["id"],
            status="active",
            current_phase={
                "start_date": item["current_period_start"],
                "end_date": item["current_period_end"],
            },
            phases=[{"start_date": item["current_period_start"], "metadata": {}}],
        )
        subscription["schedule"] = schedule["id"]
        return schedule

    def _planned(self, schedule: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        if schedule["status"] != "active":
            raise Refused(400, "invalid_request_error", message="not active any more")
        assert given["end_behavior"] == "release"
        schedule["phases"] = [
            {
                "start_date": int(each["start_date"]),
                "price": each["items"]["0"]["price"],
                "metadata": each.get("metadata", {}),
            }
            for each in map(given["phases"].get, sorted(given["phases"]))
        ]
        return schedule

    def _released(self, schedule: dict[str, Any]) -> dict[str, Any]:
        if schedule["status"] != "active":
            raise Refused(400, "invalid_request_error", message="not active any more")
        schedule["status"] = "released"
        self.subscriptions[schedule["subscription"]]["schedule"] = None
        return schedule

    def _opened_page(self, given: Mapping[str, Any]) -> dict[str, Any]:
        assert given["mode"] == "subscription" and given["success_url"] and given["cancel_url"]
        trial_end = given["subscription_data"].get("trial_end")
        session = self._new(
            "cs",
            "checkout.session",
            self.sessions,
            status="open",
            customer=given["customer"],
            price=given["line_items"]["0"]["price"],
            subscription_metadata=given["subscription_data"]["metadata"],
            trial_end=int(trial_end) if trial_end else None,
        )
        session["url"] = f"https://checkout.test/{session['id']}"
        return session

    # ------------------------------------------------------------------ its time

    def _end_period(self, subscription: dict[str, Any]) -> None:
        item, end = _item(subscription), _ends(subscription)
        has_card = self.good_cards.get(subscription["customer"]) is not None
        if subscription["cancel_at_period_end"] or (
            subscription["status"] == "trialing" and not has_card
        ):
            subscription |= {"status": "canceled", "ended_at": end}
            return
        if schedule := self.schedules.get(subscription["schedule"] or ""):
            item["price"] = self.prices[schedule["phases"][-1]["price"]]
            self._released(schedule)
        item["current_period_start"], item["current_period_end"] = end, _month_after(end)
        if subscription["status"] == "trialing":
            subscription["status"] = "active"
        self._bill(subscription, int(item["price"]["unit_amount"]), at=end)

    def _bill(self, subscription: dict[str, Any], amount: int, *, at: int | None = None) -> None:
        customer = subscription["customer"]
        is_paid = self.good_cards.get(customer, False)
        number = next(self._numbers)
        issued = self._now() if at is None else at
        self.invoices[f"in_{number}"] = {
            "id": f"in_{number}",
            "object": "invoice",
            "customer": customer,
            "number": f"BOOM-{number:04}",
            "status": "paid" if is_paid else "open",
            "currency": "usd",
            "total": amount,
            "amount_paid": amount if is_paid else 0,
            "created": issued,
            "status_transitions": {"finalized_at": issued},
            "hosted_invoice_url": f"https://invoice.test/{number}",
            "invoice_pdf": f"https://invoice.test/{number}.pdf",
            "metadata": {},
            "parent": {
                "type": "subscription_details",
                "subscription_details": {
                    "subscription": subscription["id"],
                    "metadata": subscription["metadata"],
                },
            },
        }
        if not is_paid and subscription["status"] == "active":
            subscription["status"] = "past_due"

    def _shown(self, subscription: Mapping[str, Any]) -> dict[str, Any]:
        schedule = self.schedules.get(subscription["schedule"] or "")
        return {**subscription, "schedule": schedule}

    def _of(self, customer: str) -> list[dict[str, Any]]:
        return [each for each in self.subscriptions.values() if each["customer"] == customer]

    def _now(self) -> int:
        return int(self.clock().timestamp())

    def _new(self, prefix: str, kind: str, among: Objects, **fields: Any) -> dict[str, Any]:
        id = f"{prefix}_{next(self._numbers)}"
        among[id] = {"id": id, "object": kind, "created": self._now(), **fields}
        return among[id]


@asynccontextmanager
async def running_fake_billing(clock: Callable[[], datetime]) -> AsyncIterator[FakeBilling]:
    """Runs the server on loopback."""
    fake = FakeBilling(clock=clock)
    methods = ["GET", "POST", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", fake.answer, methods=methods)])
    async with serving(app) as address:
        fake.address = address
        yield fake


def tree(given: Mapping[str, str]) -> dict[str, Any]:
    """Returns Stripe's form as a tree: ``items[0][price]`` is a price in item 0 of items."""
    root: dict[str, Any] = {}
    for name, value in given.items():
        *outer, last = name.replace("]", "").split("[")
        place = root
        for step in outer:
            place = place.setdefault(step, {})
        place[last] = value
    return root


def _item(subscription: Mapping[str, Any]) -> dict[str, Any]:
    item: dict[str, Any] = subscription["items"]["data"][0]
    return item


def _ends(subscription: Mapping[str, Any]) -> int:
    return int(_item(subscription)["current_period_end"])


def _month_after(seconds: int) -> int:
    at = datetime.fromtimestamp(seconds, UTC)
    year, month = (at.year, at.month + 1) if at.month < 12 else (at.year + 1, 1)
    day = min(at.day, calendar.monthrange(year, month)[1])
    return int(at.replace(year=year, month=month, day=day).timestamp())


def _listed(found: Any) -> dict[str, Any]:
    return {"object": "list", "url": "/v1/things", "has_more": False, "data": list(found)}


def _found(objects: Objects, id: str) -> dict[str, Any]:
    if id not in objects:
        raise Refused(404, "invalid_request_error", code="resource_missing")
    return objects[id]
