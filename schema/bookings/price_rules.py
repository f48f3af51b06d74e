"""Price rules, and how a venue's prices are taxed and rounded."""

from datetime import date, datetime

import strawberry

import models
from domain.bookings import price_conditions
from domain.bookings.pricing import PriceUnit
from domain.core.local_time import LocalTime
from domain.core.log_events import EventType
from domain.core.money import Money as Amount
from domain.core.percents import Percent
from domain.tenants import price_settings
from domain.tenants.price_settings import Rounding
from domain.venue.hours import Weekday
from kit.scope import Scope
from permissions.roles import P
from resolvers.bookings import price_rules, tax_settings
from schema.core.enums import describe
from schema.core.fields import Node, column, computed, extends, node, query, value
from schema.core.global_ids import encode_id
from schema.core.inputs import input_type
from schema.core.money import Money
from schema.core.mutations import deleted_id, mutation, payload
from schema.tenants.tenants import Tenant
from schema.venue.hours import UNPAGED_COST

describe(
    PriceUnit,
    "What an amount is charged for. Expect values to be added.",
    HOUR="Each hour, in proportion to the minutes.",
    BOOKING="The booking: once, however long the rule applies to it.",
    PERSON="Each person of the party: once for a booking.",
)
describe(
    Rounding,
    "How an amount is rounded.",
    NEAREST="To the nearest multiple, and up if two are equally near.",
    UP="Up.",
    DOWN="Down.",
)
input_type(
    price_conditions.PriceConditions,
    "When and to what a price rule applies. All conditions that are given must be met.",
    name="PriceConditionsInput",
    nulls=False,
    room_ids="The rooms: at most 100.",
    categories="The categories of rooms: at most 100.",
    weekdays="The days of the week on which the hours start.",
    starts_at="The local time from which the rule applies, before 24:00. Needs `endsAt`.",
    ends_at="The local time until which the rule applies. A time that isn't later than `startsAt` "
    "is on the next day.",
    first_date="The first local date on which the hours start.",
    last_date="The last local date on which the hours start, included.",
    min_duration_minutes="The minimum duration of the booking in minutes, included.",
    max_duration_minutes="The maximum duration of the booking in minutes, included.",
    min_notice_minutes="The minimum number of minutes between booking and start, included.",
    max_notice_minutes="The maximum number of minutes between booking and start, included.",
    customer_tag="A tag that the customer must have.",
)


async def _room_ids(_: Scope, given: price_conditions.PriceConditions) -> list[strawberry.ID]:
    """The ids of the rooms; empty for all rooms."""
    return [strawberry.ID(encode_id("Room", each)) for each in given.room_ids]


@value(price_conditions.PriceConditions)
class PriceConditions:
    """When and to what a price rule applies. All conditions must be met; null or empty is none."""

    room_ids: list[strawberry.ID] = computed(_room_ids)
    categories: list[str] = column("The categories of rooms; empty for all.")
    weekdays: list[Weekday] = column("The days on which the hours start; empty for all.")
    starts_at: LocalTime | None = column(
        "The local time from which the rule applies, or null for all day."
    )
    ends_at: LocalTime | None = column(
        "The local time until which the rule applies, or null for all day. A time that isn't later "
        "than `startsAt` is on the next day."
    )
    first_date: date | None = column("The first local date, or null.")
    last_date: date | None = column("The last local date, included, or null.")
    min_duration_minutes: int | None = column("The minimum duration in minutes, or null.")
    max_duration_minutes: int | None = column("The maximum duration in minutes, or null.")
    min_notice_minutes: int | None = column(
        "The minimum number of minutes between booking and start, or null."
    )
    max_notice_minutes: int | None = column(
        "The maximum number of minutes between booking and start, or null."
    )
    customer_tag: str | None = column(
        "The tag that the customer must have, or null.", requires=P.CUSTOMERS_NOTES
    )


async def _amount(_: Scope, rule: models.PriceRule) -> Amount:
    """What is charged for each `unit`."""
    return rule.amount


async def _unit(_: Scope, rule: models.PriceRule) -> PriceUnit:
    """What the amount is charged for."""
    return rule.per


async def _tax_rate(_: Scope, rule: models.PriceRule) -> Percent | None:
    """The rate of the tax, or null if the venue's rate applies."""
    return rule.tax_rate


async def _conditions(_: Scope, rule: models.PriceRule) -> price_conditions.PriceConditions:
    """When and to what the rule applies."""
    return rule.applies


@node(models.PriceRule, visible=price_rules.visible_price_rules, requires=P.PRICES_READ)
class PriceRule(Node):
    """A price that applies instead of a room's hourly rate where its conditions are met."""

    label: str = column("What the line of a price is called, for customers.")
    amount: Money = computed(_amount)
    unit: PriceUnit = computed(_unit)
    tax_rate: Percent | None = computed(_tax_rate)
    conditions: PriceConditions = computed(_conditions)
    version: int = column(
        "The version of the rule. It increases with every change; pass it to `updatePriceRule`."
    )
    created_at: datetime = column("When the rule was added.")


async def _round_to(_: Scope, settings: price_settings.PriceSettings) -> Amount | None:
    """The amount to whose multiples lines are rounded, or null for what a card can be charged."""
    return settings.step


@value(price_settings.PriceSettings)
class TaxSettings:
    """How a venue's prices are taxed and rounded, and the minimum charge."""

    tax_rate: Percent | None = column(
        "The rate of the tax, except where a price rule has its own; null if there is none."
    )
    taxes_included: bool = column(
        "Whether rates and price rules include the tax; if not, it is added."
    )
    rounding: Rounding = column("How the amount of each line of a price is rounded.")
    round_to: Money | None = computed(_round_to)
    minimum_charge: Money | None = column(
        "The least that the lines of a price sum to, or null. What costs nothing stays free.",
        name="minimum",
    )


@extends(Tenant, after="settings")
class TenantTaxes:
    tax_settings: TaxSettings = computed(tax_settings.tax_settings)


@strawberry.type
class PriceRuleQueries:
    price_rules: list[PriceRule] | None = query(
        price_rules.price_rules, requires=P.PRICES_READ, cost=UNPAGED_COST
    )


@payload
class CreatePriceRulePayload:
    """The result of `createPriceRule`."""

    price_rule: PriceRule | None


@payload
class UpdatePriceRulePayload:
    """The result of `updatePriceRule`."""

    price_rule: PriceRule | None


@payload
class DeletePriceRulePayload:
    """The result of `deletePriceRule`."""

    deleted_id: strawberry.ID | None = deleted_id("PriceRule")


@payload
class ReorderPriceRulesPayload:
    """The result of `reorderPriceRules`."""

    price_rules: list[PriceRule] = column(
        "The price rules in their new order; empty if the mutation was refused."
    )


@payload
class UpdateTaxSettingsPayload:
    """The result of `updateTaxSettings`."""

    tenant: Tenant | None


@strawberry.type
class PriceRuleMutations:
    create_price_rule: CreatePriceRulePayload | None = mutation(
        price_rules.create_price_rule,
        requires=P.ROOMS_WRITE,
        emits=[EventType.PRICE_RULES_CHANGED],
    )
    update_price_rule: UpdatePriceRulePayload | None = mutation(
        price_rules.update_price_rule,
        requires=P.ROOMS_WRITE,
        emits=[EventType.PRICE_RULES_CHANGED],
    )
    delete_price_rule: DeletePriceRulePayload | None = mutation(
        price_rules.delete_price_rule,
        requires=P.ROOMS_WRITE,
        emits=[EventType.PRICE_RULES_CHANGED],
    )
    reorder_price_rules: ReorderPriceRulesPayload | None = mutation(
        price_rules.reorder_price_rules,
        requires=P.ROOMS_WRITE,
        emits=[EventType.PRICE_RULES_CHANGED],
        wrapped=False,
    )
    update_tax_settings: UpdateTaxSettingsPayload | None = mutation(
        tax_settings.update_tax_settings,
        requires=P.TENANT_WRITE,
        emits=[EventType.SETTINGS_CHANGED],
    )
