"""A venue's settings of notifications."""

from typing import Annotated, Final

from sqlalchemy import Select, false
from typing_extensions import Doc

from domain.core.local_time import LocalTime
from domain.core.log_events import EventType
from domain.core.patch import ABSENT, Absent
from domain.core.refusals import Refusal, StaleVersion
from domain.core.text import tidy_name
from domain.notifications.settings import (
    ChannelSwitch,
    QuietHours,
    Reminder,
    page_refusals,
    quiet_refusals,
    reminder_refusals,
    sender_refusals,
    switch_key,
    switch_refusals,
    time_of_day_refusals,
)
from kit.scope import Scope
from models.core.base import snapshot
from models.notifications.settings import (
    NotificationSettings,
    notification_settings_of,
    stored_reminders,
)
from permissions.policy import may
from permissions.roles import P
from resolvers.core.changes import log_change
from resolvers.core.lookups import raise_all

_LOCK: Final = ("notification settings",)


def visible_settings(scope: Scope) -> Select[NotificationSettings]:
    """Selects the venue's settings, for those who may see them."""
    settings = notification_settings_of(scope.tenant_id)
    return settings if may(scope.actor, P.NOTIFICATIONS_READ) else settings.where(false())


async def notification_settings(scope: Scope) -> NotificationSettings:
    """The venue's settings of notifications: what is sent by which channel, and when."""
    found = await scope.one(notification_settings_of(scope.tenant_id))
    return found or NotificationSettings.default(scope.tenant_id)


async def update_notification_settings(
    scope: Scope,
    *,
    version: Annotated[
        int,
        Doc(
            "The version of the settings that you read. If it has changed since, the mutation is "
            "refused with STALE_VERSION."
        ),
    ],
    switches: Annotated[
        tuple[ChannelSwitch, ...] | Absent,
        Doc("Which kinds to send by which channels. Those that aren't listed stay as they are."),
    ] = ABSENT,
    reminders: Annotated[
        tuple[Reminder, ...] | Absent,
        Doc(
            "The reminders of each booking: at most 6. They apply to existing bookings too. With "
            "an empty list there are none."
        ),
    ] = ABSENT,
    quiet_hours: Annotated[
        QuietHours | Absent | None,
        Doc(
            "The local times between which no reminders are sent. One that is due then is sent at "
            "their end, or not at all if the booking has started by then. Null: there are none."
        ),
    ] = ABSENT,
    digest_time: Annotated[
        LocalTime | Absent | None,
        Doc("When the venue's team gets the bookings of the day: '00:00' to '23:59'. Null: never."),
    ] = ABSENT,
    sender_name: Annotated[
        str | Absent | None,
        Doc("The sender of mails: at most 60 characters. Null: the venue's name."),
    ] = ABSENT,
    reply_to: Annotated[
        str | Absent | None, Doc("The e-mail address that answers to mails go to. Null: none.")
    ] = ABSENT,
    booking_page: Annotated[
        str | Absent | None,
        Doc(
            "The page on which customers see and change their booking: an https address, such as "
            "'https://venue.example/booking?code={code}', in which `{code}` becomes the booking's "
            "code. Null: messages have no link to it."
        ),
    ] = ABSENT,
) -> NotificationSettings:
    """Change what the venue sends by which channel, and when."""
    await scope.lock(_LOCK)
    stored = await scope.one(notification_settings_of(scope.tenant_id))
    settings = stored or NotificationSettings.default(scope.tenant_id)
    if settings.version != version:
        raise StaleVersion(settings, path=("version",))
    refused: list[Refusal] = []
    before = snapshot(settings)
    if switches is not ABSENT:
        refused += switch_refusals(switches, path=("switches",))
        chosen = {switch_key(each.kind, each.channel): each.enabled for each in switches}
        settings.chosen = {**settings.chosen, **chosen}
    if reminders is not ABSENT:
        refused += reminder_refusals(reminders, path=("reminders",))
        settings.reminder_list = stored_reminders(reminders)
    if quiet_hours is not ABSENT:
        if quiet_hours is not None:
            refused += quiet_refusals(quiet_hours, path=("quiet_hours",))
        settings.quiet_from = None if quiet_hours is None else quiet_hours.start.minutes
        settings.quiet_until = None if quiet_hours is None else quiet_hours.until.minutes
    if digest_time is not ABSENT:
        if digest_time is not None:
            refused += time_of_day_refusals(digest_time, path=("digest_time",))
        settings.digest_at = None if digest_time is None else digest_time.minutes
    if sender_name is not ABSENT:
        settings.sender_name = tidy_name(sender_name or "") or None
    if reply_to is not ABSENT:
        settings.reply_to = tidy_name(reply_to or "") or None
    if booking_page is not ABSENT:
        settings.booking_page = booking_page or None
    refused += sender_refusals(sender_name=settings.sender_name, reply_to=settings.reply_to)
    refused += page_refusals(settings.booking_page)
    raise_all(refused)
    changed = EventType.NOTIFICATION_SETTINGS_CHANGED
    if stored is None:
        scope.add(settings)
    log_change(scope, changed, "NotificationSettings", settings, before)
    return settings
