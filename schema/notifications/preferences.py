"""What recipients choose to get."""

import strawberry

from domain.core.log_events import EventType
from domain.notifications import preferences as rules
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.notifications import preferences
from schema.core.fields import column, query, value
from schema.core.inputs import input_type
from schema.core.mutations import mutation, payload
from schema.notifications.kinds import Channel, NotificationKind

input_type(
    rules.NotificationChoice,
    "A kind of notification by a channel.",
    name="NotificationChoiceInput",
    kind="The kind of notification.",
    channel="The channel.",
)


@value(rules.NotificationChoice)
class NotificationChoice:
    """A kind of notification by a channel."""

    kind: NotificationKind = column("The kind of notification.")
    channel: Channel = column("The channel.")


@value(preferences.NotificationPreferences)
class NotificationPreferences:
    """What a recipient has chosen to get from a venue: all that it sends, but for some."""

    opted_out: list[NotificationChoice] = column("What the recipient doesn't get.")


@strawberry.type
class NotificationPreferencesQueries:
    notification_preferences: NotificationPreferences | None = query(
        preferences.notification_preferences, requires=P.MEMBER, cost=Cost(2)
    )


@payload
class UpdateNotificationPreferencesPayload:
    """The result of `updateNotificationPreferences`."""

    preferences: NotificationPreferences | None


@strawberry.type
class NotificationPreferencesMutations:
    update_notification_preferences: UpdateNotificationPreferencesPayload | None = mutation(
        preferences.update_notification_preferences,
        requires=P.PUBLIC,
        personal=True,
        emits=[EventType.NOTIFICATION_PREFERENCES_CHANGED],
    )
