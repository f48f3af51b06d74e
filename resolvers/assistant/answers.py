"""Stores answers, and counts what they use against the venue's budget."""

import asyncio
from datetime import date, timedelta
from typing import cast

from sqlmodel import col

from domain.assistant.budgets import Budget, Used, cost_micros, month_start
from domain.assistant.citations import as_json
from domain.assistant.conversations import MessageOutcome, Provider
from domain.core.local_time import zone
from integrations.assistant.protocol import LanguageModel
from kit.scope import Scope
from kit.settings import Settings
from models.assistant.conversations import Message, messages_of
from models.assistant.usage import tokens_used, usage_added
from models.tenants import Tenant
from permissions.policy import is_guest
from resolvers.assistant.live_messages import LiveMessages
from resolvers.assistant.turns import Turn
from resolvers.core.sagas import Saga


async def check_budget(scope: Scope, tenant: Tenant) -> None:
    """Raises AssistantBudgetReached if the venue has used up its tokens."""
    if scope.service(LanguageModel).provider is Provider.LOCAL:  # type: ignore[type-abstract]
        return
    settings = scope.service(Settings)
    budget = Budget.of(
        tenant.plan_code, settings.assistant_daily_tokens, settings.assistant_monthly_tokens
    )
    venue_zone = zone(tenant.time_zone)
    used = await used_tokens(scope, scope.now().astimezone(venue_zone).date())
    is_public = scope.actor.user_id is None or scope.actor.own_id is not None
    budget.check(used, is_public=is_public, now=scope.now(), zone=venue_zone)


async def used_tokens(scope: Scope, today: date) -> Used:
    """Returns the tokens that the venue has used today and in this month."""
    tomorrow = today + timedelta(days=1)
    ((of_month, _),) = await scope.rows(tokens_used(scope.tenant_id, month_start(today), tomorrow))
    ((of_day, of_public),) = await scope.rows(tokens_used(scope.tenant_id, today, tomorrow))
    return Used(int(of_day), int(of_public), int(of_month))


async def run_and_store(saga: Saga, turn: Turn) -> None:
    """Runs a turn, and stores the answer whatever comes of it."""
    messages = cast("LiveMessages", saga.runtime.services[LiveMessages])
    try:
        await turn.run()
    finally:
        try:
            await asyncio.shield(saga.step(lambda scope: _store(scope, turn)))
        finally:
            messages.finish(turn.live)


async def _store(scope: Scope, turn: Turn) -> None:
    settings = scope.service(Settings)
    caller = turn.caller
    await scope.lock(("assistant answer", caller.message_id))
    of_tenant = messages_of(scope.tenant_id)
    stored = await scope.one(of_tenant.where(col(Message.id) == caller.message_id))
    if stored is None:
        # The conversation is as old as that.
        return
    text, citations = turn.answer.finished(redacts=settings.assistant_redacts)
    usage, price = turn.usage, settings.assistant_prices.get(turn.model)
    cost = (
        cost_micros(
            usage.input_tokens,
            usage.output_tokens,
            input_price=price.input,
            output_price=price.output,
        )
        if price
        else 0
    )
    stored.text = text
    stored.citations = [dict(as_json(each)) for each in citations]
    stored.outcome = turn.outcome.value
    stored.model = turn.model
    stored.input_tokens, stored.output_tokens = usage.input_tokens, usage.output_tokens
    stored.cost_micros = cost
    stored.latency_ms = turn.latency_ms
    stored.tools = turn.tools
    tokens = usage.input_tokens + usage.output_tokens
    is_public = is_guest(caller.actor) or caller.actor.own_id is not None
    counts = {
        "answers": 1,
        "failures": int(turn.outcome is not MessageOutcome.ANSWERED),
        "calls": len(turn.tools),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "public_tokens": tokens if is_public else 0,
        "cost_micros": cost,
    }
    today = scope.now().astimezone(caller.zone).date()
    assert stored.provider is not None
    await scope.run(usage_added(scope.tenant_id, today, stored.provider, turn.model, counts))
