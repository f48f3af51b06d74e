"""Terms and policies hold for any order of actions."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test

from domain.core.money import Money
from domain.payments.cancellation import CancellationStep
from domain.tenants.payment_policy import PaymentPolicy, PolicyKind
from kit.actor import Request
from kit.ids import new_id
from kit.postgres.connection_urls import DatabaseUrls
from kit.runtime import Runtime
from kit.scope import Scope
from models.payments.payments import stored_steps
from resolvers.core.transactions import perform
from tests.money.machine import RARE, MoneyOfABooking
from tests.money.world import Site, World
from tests.support.clock import StoppedClock
from tests.support.factories import Venue, make_venue

FULL = PaymentPolicy(PolicyKind.FULL)
DEPOSIT = PaymentPolicy(PolicyKind.DEPOSIT, percent=30)
FIXED = PaymentPolicy(PolicyKind.DEPOSIT, amount=Money(2500, "EUR"))
STEPS = (CancellationStep(24 * 60, 100), CancellationStep(120, 50))
NONE: tuple[CancellationStep, ...] = ()
RATES = (1000, 4000, 9000)
SITES: list[tuple[PaymentPolicy, tuple[CancellationStep, ...], dict[str, Any]]] = [
    (FULL, STEPS, {}),
    (FULL, STEPS, {"change_minutes_before": 0}),
    (FULL, STEPS, {"change_minutes_before": 0, "requires_confirmation": True}),
    (FULL, NONE, {"requires_confirmation": True, "reconfirms_changes": False}),
    (DEPOSIT, STEPS, {"change_minutes_before": 0}),
    (DEPOSIT, (CancellationStep(120, 50),), {"change_minutes_before": 30}),
    (FIXED, STEPS, {"requires_confirmation": True, "early_end_price": "used"}),
    (FULL, STEPS, {"early_end_price": "used"}),
]


@pytest_asyncio.fixture
async def world(
    runtime_alone: Runtime, clock: StoppedClock, database: DatabaseUrls
) -> AsyncIterator[World]:
    """Venues of several kinds."""

    async def made() -> list[Site]:
        return [
            Site(await make_site(runtime_alone, policy, steps, rules), policy, steps)
            for policy, steps, rules in SITES
        ]

    reader = await asyncpg.connect(database.owner)
    yield World(runtime_alone, clock, await made(), made, reader, asyncio.get_running_loop())
    await reader.close()


async def make_site(
    runtime: Runtime,
    policy: PaymentPolicy,
    steps: tuple[CancellationStep, ...],
    rules: dict[str, Any],
) -> Venue:
    venue = await make_venue(
        runtime,
        rooms=len(RATES),
        time_zone="Etc/UTC",
        payment_policy=policy.kind.value,
        payment_percent=policy.percent,
        payment_amount_minor=policy.amount.amount_minor if policy.amount else None,
        cancellation_steps=stored_steps(steps),
        slot_minutes=5,
        min_notice_minutes=0,
        min_duration_minutes=15,
        **rules,
    )

    async def price(scope: Scope) -> None:
        await scope.lock()
        for room, rate in zip(venue.rooms, RATES, strict=True):
            room.hourly_rate_minor = rate
            await scope.fetch_raw(
                f"UPDATE rooms SET hourly_rate_minor = {rate} WHERE id = '{room.id}'", []
            )

    await perform(runtime, venue.owner.actor, Request(new_id()), price)
    return venue


@pytest.mark.parametrize("sequences", [40, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_no_order_of_things_shakes_off_terms_or_policies(
    world: World, sequences: int
) -> None:
    machine = type("Machine", (MoneyOfABooking,), {"world": world})
    often = hypothesis_settings(
        max_examples=sequences,
        stateful_step_count=8,
        deadline=None,
        database=None,
        derandomize=sequences < 100,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )

    await asyncio.to_thread(run_state_machine_as_test, machine, settings=often)

    assert world.done >= sequences


@pytest.mark.parametrize("rare", RARE)
async def test_what_chance_seldom_leads_to_is_where_other_sequences_begin(
    world: World, rare: str
) -> None:
    machine = type("Machine", (MoneyOfABooking,), {"world": world})

    await asyncio.to_thread(lambda: machine().comes_to(rare))

    assert rare in world.seen


async def test_a_hold_that_nobody_paid_for_is_not_confirmed_past_its_price(world: World) -> None:
    machine = type("Machine", (MoneyOfABooking,), {"world": world})

    def happens() -> None:
        booking = machine()
        booking.book(number=1, room=0, minutes=15, days=0, pays=False)
        booking.is_decided(what="confirm")
        booking.moves(room=1, hours=0, minutes=15, by_link=False, and_pays=True)
        booking.moves(room=0, hours=0, minutes=15, by_link=False, and_pays=False)
        booking.the_books_are_right()
        booking.what_the_first_terms_keep_is_kept()

    # What a long run found: the price was never owed, so that a cheaper move gave it back.
    await asyncio.to_thread(happens)
