"""Price rules: lists, creates, changes, deletes and orders them."""

from collections.abc import Iterable, Sequence
from typing import Annotated
from uuid import UUID

from sqlalchemy import Select
from sqlmodel import col
from typing_extensions import Doc

from domain.bookings.price_conditions import (
    MAX_RULES,
    PriceConditions,
    charge_refusals,
    conditions_refusals,
)
from domain.bookings.pricing import PriceUnit
from domain.core.ids import PriceRuleId
from domain.core.log_events import Event, EventType, Snapshot
from domain.core.money import Money
from domain.core.patch import ABSENT, Absent
from domain.core.percents import Percent
from domain.core.refusals import Invalid, LimitReached, NotFound, Path, Refusal
from domain.core.text import tidy_name
from kit.scope import Scope
from models.bookings.price_rules import PriceRule, price_rules_of, stored_conditions
from models.core.base import snapshot
from models.venue.rooms import Room, rooms_of
from resolvers.core.changes import log_change
from resolvers.core.lookups import CALENDAR, get_at_version, get_or_refuse, raise_all
from resolvers.tenants.tenants import own_tenant

Label = Annotated[
    str, Doc("What the line of a price is called, for customers: at most 100 characters.")
]
Amount = Annotated[Money, Doc("What is charged for each `unit`, in the tenant's currency.")]
Unit = Annotated[PriceUnit, Doc("What the amount is charged for.")]
TaxRate = Annotated[
    Percent | None, Doc("The rate of the tax; null if the venue's rate in `taxSettings` applies.")
]
Conditions = Annotated[
    PriceConditions | None, Doc("When and to what the rule applies; without conditions always.")
]


def visible_price_rules(scope: Scope) -> Select[PriceRule]:
    return price_rules_of(scope.tenant_id)


async def price_rules(scope: Scope) -> Sequence[PriceRule]:
    """The price rules of the venue, in the order in which they are applied: at most 100.

    For each minute of a booking, the first rule whose conditions are met decides about the price;
    if there is none, the room's hourly rate applies.
    """
    return await scope.all(visible_price_rules(scope))


async def create_price_rule(
    scope: Scope,
    *,
    label: Label,
    amount: Amount,
    unit: Unit = PriceUnit.HOUR,
    tax_rate: TaxRate = None,
    conditions: Conditions = None,
) -> PriceRule:
    """Add a price rule after all others: at most 100. Existing bookings and holds keep their price.

    Change the order with `reorderPriceRules`.
    """
    await scope.lock(CALENDAR)
    tenant, given = await own_tenant(scope), conditions or PriceConditions()
    rules = await scope.all(visible_price_rules(scope))
    refused = [*charge_refusals(tidy_name(label), amount, currency_code=tenant.currency_code)]
    refused += await _conditions_refusals(scope, given)
    if len(rules) >= MAX_RULES:
        refused.append(LimitReached("price rules", limit=MAX_RULES, used=len(rules)))
    raise_all(refused)
    new = scope.add(
        PriceRule(
            tenant_id=scope.tenant_id,
            position=rules[-1].position + 1 if rules else 0,
            label=tidy_name(label),
            unit=unit.value,
            amount_minor=amount.amount_minor,
            currency_code=amount.currency_code,
            tax_thousandths=tax_rate.thousandths if tax_rate else None,
            conditions=stored_conditions(given),
            created_at=scope.now(),
        )
    )
    scope.emit(_changed(new.id, before=None, after=snapshot(new)))
    return new


async def update_price_rule(
    scope: Scope,
    id: Annotated[PriceRuleId, Doc("The id of the price rule.")],
    *,
    version: Annotated[
        int,
        Doc(
            "The version of the rule that you read. If it has changed since, the mutation is "
            "refused with STALE_VERSION."
        ),
    ],
    label: Annotated[str | Absent, Doc("The new label: at most 100 characters.")] = ABSENT,
    amount: Annotated[Money | Absent, Doc("The new amount.")] = ABSENT,
    unit: Annotated[PriceUnit | Absent, Doc("The new unit of the amount.")] = ABSENT,
    tax_rate: Annotated[
        Percent | Absent | None, Doc("The new rate of the tax. Null: the venue's rate applies.")
    ] = ABSENT,
    conditions: Annotated[
        PriceConditions | Absent, Doc("The new conditions, which replace all of the earlier ones.")
    ] = ABSENT,
) -> PriceRule:
    """Change a price rule. Existing bookings and holds keep their price."""
    await scope.lock(CALENDAR)
    rule = await get_at_version(
        scope, visible_price_rules(scope), id, version=version, what="price rule"
    )
    before = snapshot(rule)
    name = rule.label if label is ABSENT else tidy_name(label)
    price = rule.amount if amount is ABSENT else amount
    refused = [*charge_refusals(name, price, currency_code=rule.currency_code)]
    if conditions is not ABSENT:
        refused += await _conditions_refusals(scope, conditions)
    raise_all(refused)
    rule.label, rule.amount_minor = name, price.amount_minor
    if unit is not ABSENT:
        rule.unit = unit.value
    if tax_rate is not ABSENT:
        rule.tax_thousandths = tax_rate.thousandths if tax_rate else None
    if conditions is not ABSENT:
        rule.conditions = stored_conditions(conditions)
    log_change(scope, EventType.PRICE_RULES_CHANGED, "PriceRule", rule, before)
    return rule


async def delete_price_rule(
    scope: Scope, id: Annotated[PriceRuleId, Doc("The id of the price rule.")]
) -> PriceRuleId:
    """Delete a price rule. Existing bookings and holds keep their price."""
    await scope.lock(CALENDAR)
    rule = await get_or_refuse(scope, visible_price_rules(scope), id, what="price rule")
    await scope.remove(rule)
    scope.emit(_changed(rule.id, before=snapshot(rule), after=None))
    return id


async def reorder_price_rules(
    scope: Scope,
    *,
    ids: Annotated[
        tuple[PriceRuleId, ...],
        Doc("The ids of all price rules, in the order in which they are to be applied."),
    ],
) -> Sequence[PriceRule]:
    """Set the order of the price rules, of which the first that applies decides.

    All rules have to be given, each once.
    """
    await scope.lock(CALENDAR)
    rules = {each.id: each for each in await scope.all(visible_price_rules(scope))}
    raise_all([*_order_refusals(ids, rules)])
    before = [str(each) for each in rules]
    for position, id in enumerate(ids):
        rules[id].position = position
    after = [str(each) for each in ids]
    if before != after:
        scope.emit(
            Event(
                EventType.PRICE_RULES_CHANGED,
                "Tenant",
                scope.tenant_id,
                before={"price_rules": before},
                after={"price_rules": after},
            )
        )
    return [rules[id] for id in ids]


# ------------------------------------------------------------------------------ steps


def _order_refusals(ids: Sequence[UUID], rules: Iterable[UUID]) -> list[Refusal]:
    known = {*rules}
    refused: list[Refusal] = [
        NotFound("price rule", path=("ids", place))
        for place, id in enumerate(ids)
        if id not in known
    ]
    if not refused and len(ids) != len({*ids}):
        refused.append(Invalid("Give each price rule only once.", path=("ids",)))
    if not refused and len(ids) < len(known):
        problem = f"Give all of the {len(known)} price rules; these are {len(ids)}."
        refused.append(Invalid(problem, path=("ids",)))
    return refused


async def _conditions_refusals(scope: Scope, given: PriceConditions) -> list[Refusal]:
    path: Path = ("conditions",)
    refused = [*conditions_refusals(given, path=path)]
    if given.room_ids:
        named = rooms_of(scope.tenant_id).where(col(Room.id).in_(given.room_ids))
        known = {each.id for each in await scope.all(named)}
        refused += [
            NotFound("room", path=(*path, "room_ids", place))
            for place, id in enumerate(given.room_ids)
            if id not in known
        ]
    return refused


def _changed(id: UUID, *, before: Snapshot | None, after: Snapshot | None) -> Event:
    return Event(EventType.PRICE_RULES_CHANGED, "PriceRule", id, before=before, after=after)
