"""Billing by Stripe: customers, subscriptions, Checkout and the customer portal.

Prices are created on first use and found by a lookup key of plan and amount, so nothing has to be
set up by hand. A downgrade is a subscription schedule, which Stripe itself carries out; while
there is one, the subscription can't be changed directly.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from domain.billing.plan_subscriptions import LIVE, InvoiceStatus, Subscription, SubscriptionStatus
from domain.core.money import Money
from domain.tenants.plans import PLANS, PlanCode
from integrations.billing.protocol import Account, Buyer, Invoice, Upcoming
from integrations.payments.protocol import TENANT, GatewayRefused
from integrations.stripe_client import StripeApi
from kit.clock import Clock

INVOICES: Final = 24
_PLAN: Final = "plan"
# Stripe's Checkout accepts no shorter trial.
_SHORTEST_TRIAL: Final = timedelta(hours=49)

_STATUSES: Final[Mapping[str, SubscriptionStatus]] = {
    **{status.value: status for status in SubscriptionStatus},
    # Nothing is invoiced or paid; only a person at Stripe's dashboard can set this.
    "paused": SubscriptionStatus.UNPAID,
}


class StripeBilling:
    """Billing by Stripe."""

    name = "stripe"
    is_enforced = True

    def __init__(self, api: StripeApi, *, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._prices: dict[PlanCode, str] = {}

    async def create_customer(self, buyer: Buyer, *, key: str) -> str:
        async with self._api.call() as client:
            customer = await client.v1.customers.create_async(
                {
                    "name": buyer.name,
                    "email": buyer.email,
                    "metadata": {TENANT: str(buyer.tenant_id)},
                },
                {"idempotency_key": key},
            )
            return str(customer.id)

    async def start_trial(
        self, customer_id: str, plan: PlanCode, *, tenant_id: UUID, days: int, key: str
    ) -> None:
        price = await self._price(plan)
        async with self._api.call() as client:
            await client.v1.subscriptions.create_async(
                {
                    "customer": customer_id,
                    "items": [{"price": price}],
                    "trial_period_days": days,
                    "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
                    "payment_settings": {"save_default_payment_method": "on_subscription"},
                    "metadata": {TENANT: str(tenant_id)},
                },
                {"idempotency_key": key},
            )

    async def start_checkout(
        self,
        customer_id: str,
        plan: PlanCode,
        *,
        tenant_id: UUID,
        trial_ends_at: datetime | None,
        success_url: str,
        cancel_url: str,
        key: str,
    ) -> str:
        metadata = {TENANT: str(tenant_id)}
        agreed: Any = {"metadata": metadata}
        if trial_ends_at is not None and trial_ends_at - self._clock() >= _SHORTEST_TRIAL:
            agreed["trial_end"] = _seconds(trial_ends_at)
        price = await self._price(plan)
        async with self._api.call() as client:
            session = await client.v1.checkout.sessions.create_async(
                {
                    "mode": "subscription",
                    "customer": customer_id,
                    "client_reference_id": str(tenant_id),
                    "line_items": [{"price": price, "quantity": 1}],
                    "subscription_data": agreed,
                    "payment_method_collection": "always",
                    "metadata": metadata,
                    "success_url": success_url,
                    "cancel_url": cancel_url,
                },
                {"idempotency_key": key},
            )
            return str(session["url"])

    async def change_plan(self, id: str, plan: PlanCode, *, at_once: bool, key: str) -> None:
        price = await self._price(plan)
        if not at_once:
            await self._change_later(id, price, plan, key=key)
            return
        seen = await self._released(id, key=key)
        is_paid_for = seen["status"] != SubscriptionStatus.TRIALING
        async with self._api.call() as client:
            await client.v1.subscriptions.update_async(
                id,
                {
                    "items": [{"id": _item(seen)["id"], "price": price}],
                    "proration_behavior": "always_invoice" if is_paid_for else "none",
                    "payment_behavior": "error_if_incomplete",
                },
                {"idempotency_key": key},
            )

    async def keep_plan(self, id: str, *, key: str) -> None:
        await self._released(id, key=key)

    async def cancel(self, id: str, *, key: str) -> None:
        await self._released(id, key=key)
        await self._end_with_period(id, ends=True, key=key)

    async def resume(self, id: str, *, key: str) -> None:
        await self._end_with_period(id, ends=False, key=key)

    async def end(self, id: str, *, key: str) -> None:
        async with self._api.call() as client:
            await client.v1.subscriptions.cancel_async(
                id, {"prorate": True, "invoice_now": True}, {"idempotency_key": key}
            )

    async def open_portal(self, customer_id: str, *, return_url: str) -> str:
        async with self._api.call() as client:
            session = await client.v1.billing_portal.sessions.create_async(
                {"customer": customer_id, "return_url": return_url}
            )
            return str(session["url"])

    async def fetch(self, customer_id: str) -> Account:
        async with self._api.call() as client:
            found = await client.v1.subscriptions.list_async(
                {
                    "customer": customer_id,
                    "status": "all",
                    "limit": 100,
                    "expand": ["data.schedule"],
                }
            )
            subscriptions = [_plain(each) for each in found.data]
            listed = await client.v1.invoices.list_async(
                {"customer": customer_id, "limit": INVOICES}
            )
            invoices = [_plain(each) for each in listed.data]
            shown = tuple(map(_invoice, invoices))
            found_ones = _by_weight(subscriptions)
            if not found_ones:
                return Account(invoices=shown)
            counts, *others = found_ones
            agreed = _subscription(counts, invoices)
            live = [each["id"] for each in others if _STATUSES[each["status"]] in LIVE]
        return Account(
            subscription_id=str(counts["id"]),
            subscription=agreed,
            superseded=tuple(live) if agreed.status in LIVE else (),
            invoices=shown,
            upcoming=await self._upcoming(counts["id"], agreed),
        )

    async def owner_of(self, customer_id: str) -> UUID | None:
        async with self._api.call() as client:
            customer = _plain(await client.v1.customers.retrieve_async(customer_id))
        try:
            return UUID(customer["metadata"][TENANT])
        except (KeyError, TypeError, ValueError):
            return None

    async def close(self) -> None:
        await self._api.close()

    # ------------------------------------------------------------------ steps

    async def _price(self, plan: PlanCode) -> str:
        """Returns the price of a plan, which is created if it doesn't exist."""
        if plan not in self._prices:
            self._prices[plan] = await self._found_price(plan) or await self._made_price(plan)
        return self._prices[plan]

    async def _found_price(self, plan: PlanCode) -> str | None:
        async with self._api.call() as client:
            found = await client.v1.prices.list_async(
                {"lookup_keys": [_lookup_key(plan)], "active": True, "limit": 1}
            )
            return str(found.data[0].id) if found.data else None

    async def _made_price(self, plan: PlanCode) -> str:
        lookup_key, price = _lookup_key(plan), PLANS[plan].monthly_price
        async with self._api.call() as client:
            made = await client.v1.prices.create_async(
                {
                    "currency": price.currency_code.lower(),
                    "unit_amount": price.amount_minor,
                    "recurring": {"interval": "month"},
                    "product_data": {"name": f"Boom Booking {PLANS[plan].name}"},
                    "lookup_key": lookup_key,
                    "metadata": {_PLAN: plan.value},
                },
                {"idempotency_key": f"price:{lookup_key}"},
            )
            return str(made.id)

    async def _seen(self, id: str) -> Mapping[str, Any]:
        async with self._api.call() as client:
            return _plain(await client.v1.subscriptions.retrieve_async(id))

    async def _released(self, id: str, *, key: str) -> Mapping[str, Any]:
        """Returns the subscription, after releasing a schedule that would block changes."""
        seen = await self._seen(id)
        if schedule := seen.get("schedule"):
            async with self._api.call() as client:
                await client.v1.subscription_schedules.release_async(
                    str(schedule), {}, {"idempotency_key": f"{key}:release:{schedule}"}
                )
        return seen

    async def _change_later(self, id: str, price: str, plan: PlanCode, *, key: str) -> None:
        seen = await self._seen(id)
        item = _item(seen)
        async with self._api.call() as client:
            schedule = seen.get("schedule")
            if schedule is None:
                made = await client.v1.subscription_schedules.create_async(
                    {"from_subscription": id}, {"idempotency_key": f"{key}:schedule"}
                )
                schedule = made.id
            await client.v1.subscription_schedules.update_async(
                str(schedule),
                {
                    "end_behavior": "release",
                    "phases": [
                        {
                            "items": [{"price": item["price"]["id"]}],
                            "start_date": item["current_period_start"],
                            "end_date": item["current_period_end"],
                        },
                        {
                            "items": [{"price": price}],
                            "start_date": item["current_period_end"],
                            "duration": {"interval": "month", "interval_count": 1},
                            "proration_behavior": "none",
                            "metadata": {_PLAN: plan.value},
                        },
                    ],
                },
                {"idempotency_key": key},
            )

    async def _end_with_period(self, id: str, *, ends: bool, key: str) -> None:
        async with self._api.call() as client:
            await client.v1.subscriptions.update_async(
                id, {"cancel_at_period_end": ends}, {"idempotency_key": key}
            )

    async def _upcoming(self, id: str, agreed: Subscription) -> Upcoming | None:
        due_at = agreed.trial_ends_at if agreed.period_end is None else agreed.period_end
        if agreed.status not in LIVE or agreed.cancels_at_period_end or due_at is None:
            return None
        try:
            async with self._api.call() as client:
                preview = await client.v1.invoices.create_preview_async({"subscription": id})
                return Upcoming(_money(preview["amount_due"], preview["currency"]), due_at)
        except GatewayRefused:
            # There is none, for example because the subscription has just ended.
            return None


# ------------------------------------------------------------------------------ reading


def _lookup_key(plan: PlanCode) -> str:
    price = PLANS[plan].monthly_price
    return f"boom_{plan.lower()}_{price.amount_minor}_{price.currency_code.lower()}"


def _by_weight(found: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Sorts subscriptions: active before ended, then new before old."""
    known = [each for each in found if each["status"] in _STATUSES]
    return sorted(known, key=_weight, reverse=True)


def _weight(seen: Mapping[str, Any]) -> tuple[bool, int, str]:
    return _STATUSES[seen["status"]] in LIVE, seen["created"], seen["id"]


def _subscription(seen: Mapping[str, Any], invoices: Iterable[Mapping[str, Any]]) -> Subscription:
    item, status = _item(seen), _STATUSES[seen["status"]]
    owed = [
        (each.get("status_transitions") or {}).get("finalized_at") or each["created"]
        for each in invoices
        if each["status"] == InvoiceStatus.OPEN and _is_for(each, seen["id"])
    ]
    return Subscription(
        plan=PlanCode(item["price"]["metadata"][_PLAN]),
        status=status,
        begun_at=_instant(seen["created"]),
        period_start=_maybe(item.get("current_period_start")),
        period_end=_maybe(item.get("current_period_end")),
        trial_ends_at=_maybe(seen.get("trial_end")),
        cancels_at_period_end=bool(seen.get("cancel_at_period_end") or seen.get("cancel_at")),
        next_plan=_next_plan(seen) if status in LIVE else None,
        overdue_since=_instant(min(owed)) if owed else None,
        ended_at=_maybe(seen.get("ended_at")),
    )


def _next_plan(seen: Mapping[str, Any]) -> PlanCode | None:
    schedule = seen.get("schedule")
    if not isinstance(schedule, dict) or schedule.get("status") != "active":
        return None
    now_ends = (schedule.get("current_phase") or {}).get("end_date")
    for phase in schedule["phases"]:
        if now_ends is not None and phase["start_date"] >= now_ends:
            return PlanCode(phase["metadata"][_PLAN])
    return None


def _item(seen: Mapping[str, Any]) -> Mapping[str, Any]:
    item: Mapping[str, Any] = seen["items"]["data"][0]
    return item


def _is_for(invoice: Mapping[str, Any], subscription_id: str) -> bool:
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    return bool(details.get("subscription") == subscription_id)


def _invoice(seen: Mapping[str, Any]) -> Invoice:
    finalized_at = (seen.get("status_transitions") or {}).get("finalized_at")
    return Invoice(
        id=str(seen["id"]),
        number=seen.get("number"),
        status=InvoiceStatus(seen["status"]),
        total=_money(seen["total"], seen["currency"]),
        paid=_money(seen["amount_paid"], seen["currency"]),
        issued_at=_instant(finalized_at or seen["created"]),
        page_url=seen.get("hosted_invoice_url"),
        pdf_url=seen.get("invoice_pdf"),
    )


def _plain(seen: Any) -> Mapping[str, Any]:
    plain: Mapping[str, Any] = seen.to_dict(recursive=True)
    return plain


def _money(amount_minor: int, currency: str) -> Money:
    return Money(amount_minor, currency.upper())


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _maybe(seconds: int | None) -> datetime | None:
    return None if seconds is None else _instant(seconds)
