"""A venue's settings of notifications."""

import strawberry

import models
from domain.core.local_time import LocalTime
from domain.core.log_events import EventType
from domain.notifications import settings as rules
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.notifications import settings
from schema.core.fields import Node, column, node, query, value
from schema.core.inputs import input_type
from schema.core.mutations import mutation, payload
from schema.notifications.kinds import Channel, NotificationKind

input_type(
    rules.ChannelSwitch,
    "Whether notifications of a kind are sent by a channel.",
    name="ChannelSwitchInput",
    kind="The kind of notification.",
    channel="The channel.",
    enabled="Whether they are sent by it.",
)
input_type(
    rules.Reminder,
    "A reminder of each confirmed booking.",
    name="ReminderInput",
    minutes_before="How many minutes before the start it is sent: 15 to 43,200, which is 30 days "
    "of 24 hours each, also where the clock changes.",
    channel="The channel that brings it.",
)
input_type(
    rules.QuietHours,
    "Local times between which no reminders are sent.",
    name="QuietHoursInput",
    start="When they begin: '00:00' to '23:59'.",
    until="When they end, on the next day if that is before `start`.",
)


@value(rules.ChannelSwitch)
class ChannelSwitch:
    """Whether notifications of a kind are sent by a channel."""

    kind: NotificationKind = column("The kind of notification.")
    channel: Channel = column("The channel.")
    enabled: bool = column(
        "Whether they are sent by it, to recipients who can be reached by it and haven't opted out."
    )


@value(rules.Reminder)
class Reminder:
    """A reminder of each confirmed booking."""

    minutes_before: int = column("How many minutes before the start it is sent.")
    channel: Channel = column("The channel that brings it, if BOOKING_REMINDER is on for it.")


@value(rules.QuietHours)
class QuietHours:
    """Local times between which no reminders are sent."""

    start: LocalTime = column("When they begin.")
    until: LocalTime = column("When they end, on the next day if that is before `start`.")


@node(
    models.NotificationSettings,
    visible=settings.visible_settings,
    requires=P.NOTIFICATIONS_READ,
)
class NotificationSettings(Node):
    """What a venue sends by which channel, and when."""

    switches: list[ChannelSwitch] = column("Every kind by every channel.")
    reminders: list[Reminder] = column("The reminders of each confirmed booking.")
    quiet_hours: QuietHours | None = column(
        "The local times between which no reminders are sent, or null if there are none."
    )
    digest_time: LocalTime | None = column(
        "When the venue's team gets the bookings of the day, or null for never."
    )
    sender_name: str | None = column("The sender of mails, or null for the venue's name.")
    reply_to: str | None = column(
        "The e-mail address that answers to mails go to, or null for none."
    )
    booking_page: str | None = column(
        "The page on which customers see and change their booking, with `{code}` for the booking's "
        "code, or null if there is none."
    )
    version: int = column(
        "The version of the settings. It increases with every change; pass it to "
        "`updateNotificationSettings`."
    )


@strawberry.type
class NotificationSettingsQueries:
    notification_settings: NotificationSettings | None = query(
        settings.notification_settings, requires=P.NOTIFICATIONS_READ, cost=Cost(2)
    )


@payload
class UpdateNotificationSettingsPayload:
    """The result of `updateNotificationSettings`."""

    settings: NotificationSettings | None


@strawberry.type
class NotificationSettingsMutations:
    update_notification_settings: UpdateNotificationSettingsPayload | None = mutation(
        settings.update_notification_settings,
        requires=P.NOTIFICATIONS_WRITE,
        emits=[EventType.NOTIFICATION_SETTINGS_CHANGED],
    )
