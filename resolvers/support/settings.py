"""A venue's settings of support: how soon it answers, and what it takes."""

from typing import Annotated, Final

from sqlalchemy import Select, false
from typing_extensions import Doc

from domain.core.log_events import EventType
from domain.core.patch import ABSENT, Absent
from domain.core.refusals import Invalid, Refusal, StaleVersion
from domain.support.settings import MAX_CLOSE_DAYS
from domain.support.sla import SlaTarget, target_for, target_refusals
from domain.support.tickets import TicketPriority
from kit.scope import Scope
from models.core.base import snapshot
from models.support.settings import SupportSettings, stored_targets, support_settings_of
from permissions.policy import grant_of
from permissions.roles import GrantScope, P
from resolvers.core.changes import log_change
from resolvers.core.lookups import raise_all

_LOCK: Final = ("support settings",)


def visible_settings(scope: Scope) -> Select[SupportSettings]:
    """Selects the venue's settings, for those who may see all tickets."""
    settings = support_settings_of(scope.tenant_id)
    is_team = grant_of(scope.actor, P.SUPPORT_READ) is GrantScope.ANY
    return settings if is_team else settings.where(false())


async def support_settings(scope: Scope) -> SupportSettings | None:
    """The venue's settings of support. Null for customers."""
    if grant_of(scope.actor, P.SUPPORT_READ) is not GrantScope.ANY:
        return None
    return await settings_in_use(scope)


async def settings_in_use(scope: Scope) -> SupportSettings:
    """Returns the venue's settings of support, whoever asks."""
    found = await scope.one(support_settings_of(scope.tenant_id))
    return found or SupportSettings.default(scope.tenant_id)


async def update_support_settings(
    scope: Scope,
    *,
    version: Annotated[
        int,
        Doc(
            "The version of the settings that you read. If it has changed since, the mutation is "
            "refused with STALE_VERSION."
        ),
    ],
    targets: Annotated[
        tuple[SlaTarget, ...] | Absent,
        Doc("The targets of priorities. Those that aren't listed stay as they are."),
    ] = ABSENT,
    close_after_days: Annotated[
        int | Absent,
        Doc(
            "How many days of 24 hours a ticket stays SOLVED before it is closed: 1 to 90. It "
            "applies to tickets that are solved from now on."
        ),
    ] = ABSENT,
    takes_guest_tickets: Annotated[
        bool | Absent, Doc("Whether people without an account can open tickets.")
    ] = ABSENT,
) -> SupportSettings:
    """Change how soon the venue wants to answer, and what it takes. Due times follow at once."""
    await scope.lock(_LOCK)
    stored = await scope.one(support_settings_of(scope.tenant_id))
    settings = stored or SupportSettings.default(scope.tenant_id)
    if settings.version != version:
        raise StaleVersion(settings, path=("version",))
    refused: list[Refusal] = []
    before = snapshot(settings)
    if targets is not ABSENT:
        refused += target_refusals(targets, path=("targets",))
        given = {each.priority: each for each in targets}
        kept = (given.get(each, target_for(settings.targets, each)) for each in TicketPriority)
        settings.target_list = stored_targets(tuple(kept))
    if close_after_days is not ABSENT:
        if not 1 <= close_after_days <= MAX_CLOSE_DAYS:
            refused.append(Invalid(f"Give 1 to {MAX_CLOSE_DAYS} days.", path=("close_after_days",)))
        settings.close_after_days = close_after_days
    if takes_guest_tickets is not ABSENT:
        settings.takes_guest_tickets = takes_guest_tickets
    raise_all(refused)
    if stored is None:
        scope.add(settings)
    log_change(scope, EventType.SUPPORT_SETTINGS_CHANGED, "SupportSettings", settings, before)
    return settings
