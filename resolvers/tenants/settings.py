"""Updates a tenant's name, time zone and booking rules."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from typing_extensions import Doc

from domain.core.colors import is_color
from domain.core.contact import name_refusals
from domain.core.formatting import counted
from domain.core.local_time import TimeZone
from domain.core.log_events import EventType
from domain.core.patch import ABSENT, Absent
from domain.core.public_addresses import url_problem
from domain.core.refusals import Invalid, Refusal
from domain.core.text import tidy_name
from domain.tenants.settings import LONGEST_MINUTES, EarlyEndPrice
from kit.scope import Scope
from models.core.base import snapshot
from models.tenants import Tenant
from resolvers.core.changes import log_change
from resolvers.core.lookups import CALENDAR, get_at_version
from resolvers.tenants.tenants import visible_tenants

MAX_ADVANCE_DAYS: Final = 1095
MAX_TAG_LENGTH: Final = 50
MAX_APPROVAL_HOURS: Final = 720
_DAY_MINUTES: Final = 1440

_DURATION: Final = f"The duration must be 1 to {LONGEST_MINUTES:,} minutes."

_BOUNDS: Final = {
    "slot_minutes": (5, _DAY_MINUTES, "The slot grid must be 5 to 1,440 minutes."),
    "min_notice_minutes": (
        0,
        MAX_ADVANCE_DAYS * _DAY_MINUTES,
        "The minimum notice must be 0 minutes to 1,095 days.",
    ),
    "max_advance_days": (1, MAX_ADVANCE_DAYS, "Bookings must open 1 to 1,095 days ahead."),
    "min_duration_minutes": (1, LONGEST_MINUTES, _DURATION),
    "max_duration_minutes": (1, LONGEST_MINUTES, _DURATION),
    "hold_minutes": (1, 30, "Holds must last 1 to 30 minutes."),
    "approval_hours": (1, MAX_APPROVAL_HOURS, "The time to confirm must be 1 to 720 hours."),
    "check_in_from_minutes": (
        0,
        _DAY_MINUTES,
        "Checking in must open 0 to 1,440 minutes before the start.",
    ),
    "auto_release_minutes": (
        1,
        _DAY_MINUTES,
        "Bookings must be released 1 to 1,440 minutes after their start.",
    ),
    "max_open_holds": (1, 100, "The maximum of open holds must be 1 to 100."),
    "change_minutes_before": (
        0,
        MAX_ADVANCE_DAYS * _DAY_MINUTES,
        "Changes must end 0 minutes to 1,095 days before the start.",
    ),
    "min_change_notice_minutes": (
        0,
        MAX_ADVANCE_DAYS * _DAY_MINUTES,
        "The notice for changes must be 0 minutes to 1,095 days.",
    ),
}

Version = Annotated[
    int,
    Doc(
        "The version of the tenant that you read. If it has changed since, "
        "the mutation is refused with STALE_VERSION."
    ),
]


async def update_tenant(
    scope: Scope,
    *,
    version: Version,
    name: Annotated[str | Absent, Doc("The new name: at most 100 characters.")] = ABSENT,
    time_zone: Annotated[
        TimeZone | Absent,
        Doc(
            "The new time zone of the venue. Existing bookings keep their instants, so their "
            "local times change."
        ),
    ] = ABSENT,
    brand_color: Annotated[
        str | Absent | None,
        Doc("The color of the venue's mails, as '#RRGGBB'. Null: the product's color."),
    ] = ABSENT,
    logo_url: Annotated[
        str | Absent | None,
        Doc(
            "The public https:// address of the venue's logo, which mails show in place of its "
            "name, 160 pixels wide. Null: none."
        ),
    ] = ABSENT,
) -> Tenant:
    """Change the tenant's name, the time zone of its venue, or the look of its mails."""
    await scope.lock(CALENDAR)
    tenant = await _tenant_at(scope, version)
    before = snapshot(tenant)
    if name is not ABSENT:
        tenant.name = tidy_name(name)
    if time_zone is not ABSENT:
        tenant.time_zone = time_zone
    if brand_color is not ABSENT:
        tenant.brand_color = brand_color
    if logo_url is not ABSENT:
        tenant.logo_url = logo_url
    if refused := [*name_refusals(tenant.name, path=("name",)), *_brand_refusals(tenant)]:
        raise ExceptionGroup("refused", refused)
    log_change(scope, EventType.TENANT_UPDATED, "Tenant", tenant, before)
    return tenant


async def update_tenant_settings(
    scope: Scope,
    *,
    version: Version,
    slot_minutes: Annotated[
        int | Absent,
        Doc("The number of minutes between possible starts, counted from midnight: 5 to 1,440."),
    ] = ABSENT,
    min_notice_minutes: Annotated[
        int | Absent,
        Doc(
            "The minimum number of minutes between booking and start: 0 to "
            "1,576,800, which is 1,095 days."
        ),
    ] = ABSENT,
    max_advance_days: Annotated[
        int | Absent, Doc("The maximum number of days between booking and start: 1 to 1,095.")
    ] = ABSENT,
    min_duration_minutes: Annotated[
        int | Absent, Doc("The minimum duration of a booking in minutes: at least 1.")
    ] = ABSENT,
    max_duration_minutes: Annotated[
        int | Absent,
        Doc(
            "The maximum duration of a booking in minutes: at most 44,700, which is 31 "
            "days and an hour, for months in which the clock is put back."
        ),
    ] = ABSENT,
    hold_minutes: Annotated[int | Absent, Doc("How many minutes a hold lasts: 1 to 30.")] = ABSENT,
    requires_confirmation: Annotated[
        bool | Absent, Doc("Whether the venue has to confirm new bookings.")
    ] = ABSENT,
    approval_hours: Annotated[
        int | Absent,
        Doc(
            "For how many hours the venue can confirm a new booking, its start at the latest: 1 "
            "to 720."
        ),
    ] = ABSENT,
    check_in_from_minutes: Annotated[
        int | Absent,
        Doc(
            "From how many minutes before its start a booking can be checked in: 0 to 1,440. "
            "Existing bookings are affected too."
        ),
    ] = ABSENT,
    auto_release_minutes: Annotated[
        int | Absent | None,
        Doc(
            "How many minutes after its start a booking that nobody has checked in becomes a "
            "NO_SHOW: 1 to 1,440, for example 10. Applies to bookings that are made from now on. "
            "Null: never by itself."
        ),
    ] = ABSENT,
    early_end_price: Annotated[
        EarlyEndPrice | Absent,
        Doc(
            "What a booking costs that is ended early. Applies to existing bookings too, as long "
            "as they haven't ended."
        ),
    ] = ABSENT,
    max_open_holds: Annotated[
        int | Absent, Doc("The maximum number of open holds for each customer: 1 to 100.")
    ] = ABSENT,
    allows_guest_booking: Annotated[
        bool | Absent, Doc("Whether people can book without an account.")
    ] = ABSENT,
    requires_guest_proof: Annotated[
        bool | Absent,
        Doc("Whether guests have to solve a challenge against bots; see `guestProof`."),
    ] = ABSENT,
    change_minutes_before: Annotated[
        int | Absent | None,
        Doc(
            "Until how many minutes before the start customers can move a booking: 0 to "
            "1,576,800, which is 1,095 days. Null: as long as they can cancel it for "
            "free."
        ),
    ] = ABSENT,
    min_change_notice_minutes: Annotated[
        int | Absent | None,
        Doc(
            "How many minutes before the start customers can last move or cancel a booking: 0 to "
            "1,576,800, which is 1,095 days. Null: they can cancel it until it ends. The venue's "
            "team can at any time."
        ),
    ] = ABSENT,
    reconfirms_changes: Annotated[
        bool | Absent,
        Doc(
            "Whether the venue has to confirm a confirmed booking again if the customer "
            "changes its room, day or duration."
        ),
    ] = ABSENT,
    waitlist_priority_tag: Annotated[
        str | Absent | None,
        Doc(
            "The tag of the customers who come first on the waitlist; case is ignored. Null: all "
            "are served in the order in which they joined."
        ),
    ] = ABSENT,
    allows_assistant: Annotated[
        bool | Absent,
        Doc("Whether the venue's team, its customers and guests can use the assistant."),
    ] = ABSENT,
) -> Tenant:
    """Change the booking rules of the venue. Existing bookings are not affected, unless a rule says
    so."""
    await scope.lock(CALENDAR)
    tenant = await _tenant_at(scope, version)
    before = snapshot(tenant)
    given = {
        "slot_minutes": slot_minutes,
        "min_notice_minutes": min_notice_minutes,
        "max_advance_days": max_advance_days,
        "min_duration_minutes": min_duration_minutes,
        "max_duration_minutes": max_duration_minutes,
        "hold_minutes": hold_minutes,
        "requires_confirmation": requires_confirmation,
        "approval_hours": approval_hours,
        "check_in_from_minutes": check_in_from_minutes,
        "auto_release_minutes": auto_release_minutes,
        "early_end_price": early_end_price,
        "max_open_holds": max_open_holds,
        "allows_guest_booking": allows_guest_booking,
        "requires_guest_proof": requires_guest_proof,
        "change_minutes_before": change_minutes_before,
        "min_change_notice_minutes": min_change_notice_minutes,
        "reconfirms_changes": reconfirms_changes,
        "waitlist_priority_tag": waitlist_priority_tag,
        "allows_assistant": allows_assistant,
    }
    changed = {name: value for name, value in given.items() if value is not ABSENT}
    if isinstance(tag := changed.get("waitlist_priority_tag"), str):
        changed["waitlist_priority_tag"] = tidy_name(tag)
    for name, value in changed.items():
        setattr(tenant, name, value)
    tenant.longest_minutes = max(tenant.longest_minutes, tenant.max_duration_minutes)
    if refused := _refusals(tenant, changed):
        raise ExceptionGroup("refused", refused)
    log_change(scope, EventType.SETTINGS_CHANGED, "Tenant", tenant, before)
    return tenant


async def _tenant_at(scope: Scope, version: int) -> Tenant:
    tenants = visible_tenants(scope)
    return await get_at_version(scope, tenants, scope.tenant_id, version=version, what="tenant")


def _brand_refusals(tenant: Tenant) -> Iterator[Refusal]:
    if tenant.brand_color is not None and not is_color(tenant.brand_color):
        yield Invalid("A color must look like '#RRGGBB'.", path=("brand_color",))
    logo = tenant.logo_url
    if logo is not None and (problem := url_problem(logo, allows_loopback=False)) is not None:
        yield Invalid(problem, path=("logo_url",))


def _refusals(tenant: Tenant, changed: Mapping[str, object]) -> list[Refusal]:
    """Returns the refusals of the new rules, at the fields that were changed."""
    refused: list[Refusal] = []
    for name, (least, most, problem) in _BOUNDS.items():
        value = getattr(tenant, name)
        if value is not None and not least <= value <= most:
            refused.append(Invalid(problem, path=(name,)))
    tag = tenant.waitlist_priority_tag
    if tag is not None and not 1 <= len(tag) <= MAX_TAG_LENGTH:
        problem = f"A tag has 1 to {MAX_TAG_LENGTH} characters."
        refused.append(Invalid(problem, path=("waitlist_priority_tag",)))
    if refused:
        # Rules that are invalid alone aren't checked together.
        return refused
    if tenant.min_duration_minutes > tenant.max_duration_minutes:
        refused.append(
            Invalid(
                f"The shortest booking ({tenant.min_duration_minutes} minutes) can't be longer "
                f"than the longest ({tenant.max_duration_minutes}).",
                path=(_first(changed, "min_duration_minutes", "max_duration_minutes"),),
            )
        )
    if tenant.min_notice_minutes >= tenant.max_advance_days * _DAY_MINUTES:
        refused.append(
            Invalid(
                f"A booking that is made {tenant.min_notice_minutes:,} minutes before could never "
                f"start within {counted(tenant.max_advance_days, 'day')}.",
                path=(_first(changed, "min_notice_minutes", "max_advance_days"),),
            )
        )
    return refused


def _first(changed: Mapping[str, object], *names: str) -> str:
    return next(name for name in names if name in changed)
