"""Templates of notifications, and previews."""

from datetime import datetime

import strawberry

from domain.core.log_events import EventType
from domain.notifications.refusals import TemplateChanged
from domain.notifications.sms import SmsEncoding
from domain.notifications.templates import TemplateDraft
from kit.graphql.cost import Cost
from permissions.roles import P
from resolvers.notifications import previews, templates
from schema.core.enums import describe
from schema.core.fields import column, query, value
from schema.core.inputs import input_type
from schema.core.mutations import mutation, payload
from schema.core.user_errors import UserError, shows
from schema.notifications.kinds import Channel, NotificationKind
from schema.venue.hours import UNPAGED_COST

describe(
    SmsEncoding,
    "How an SMS is encoded.",
    GSM_7="The alphabet of SMS, with accents of a few languages: 160 characters, or 153 in each of "
    "several segments. Some characters, such as the euro sign, count twice.",
    UCS_2="Unicode, if one character is not in that alphabet: 70 characters, or 67 in each of "
    "several segments. Emoji count twice.",
)
input_type(
    TemplateDraft,
    "A text of a notification that isn't saved.",
    name="NotificationTemplateDraft",
    subject="The subject or title. Required, except for an SMS, which has none.",
    body="The text, with variables such as `{first_name}`.",
)


@value(templates.EffectiveTemplate)
class NotificationTemplate:
    """The text that is in use for a kind of notification, a channel and a language."""

    kind: NotificationKind = column("What the notification is about.")
    channel: Channel = column("The channel that brings it.")
    locale: str = column("The language of the text: `en`, `de`, `es` or `fr`.")
    subject: str | None = column(
        "The subject of the mail, or the title of the push message or inbox entry; null for an "
        "SMS, which has none."
    )
    body: str = column("The text, with variables such as `{first_name}`.")
    is_custom: bool = column("Whether it is the venue's own; otherwise it is the product's.")
    variables: list[str] = column(
        "The names of the variables that it can have: at most 20. The documentation explains them."
    )
    version: int = column(
        "The version of the template. It increases with every change, and is 0 if there was none; "
        "pass it to `updateNotificationTemplate`."
    )
    updated_at: datetime | None = column("When it was last changed, or null if it never was.")


@value(previews.NotificationPreview)
class NotificationPreview:
    """A notification as its recipient would read it."""

    subject: str | None = column(
        "The subject of the mail, or the title of the push message or inbox entry; null for an SMS."
    )
    text: str = column("The text; for a mail, its text part.")
    html: str | None = column("The HTML of a mail; otherwise null.")
    calendar: str | None = column(
        "The calendar entry of a mail, as an iCalendar file, or null if it has none."
    )
    encoding: SmsEncoding | None = column("The encoding of an SMS; otherwise null.")
    segments: int | None = column(
        "In how many segments an SMS is sent, each of which is paid for; otherwise null."
    )
    units_left: int | None = column(
        "How many more characters fit the last segment of an SMS, if each counts once; otherwise "
        "null."
    )


@shows(TemplateChanged)
class TemplateChangedError(UserError):
    """The template has changed since its `version` was read."""

    current: NotificationTemplate = column("The template in its current state.")


@strawberry.type
class TemplateQueries:
    notification_templates: list[NotificationTemplate] | None = query(
        templates.notification_templates, requires=P.NOTIFICATIONS_READ, cost=UNPAGED_COST
    )
    preview_notification: NotificationPreview | None = query(
        previews.preview_notification, requires=P.NOTIFICATIONS_READ, cost=Cost(10)
    )


@payload
class UpdateNotificationTemplatePayload:
    """The result of `updateNotificationTemplate`."""

    template: NotificationTemplate | None


@payload
class ResetNotificationTemplatePayload:
    """The result of `resetNotificationTemplate`."""

    template: NotificationTemplate | None


@strawberry.type
class TemplateMutations:
    update_notification_template: UpdateNotificationTemplatePayload | None = mutation(
        templates.update_notification_template,
        requires=P.NOTIFICATIONS_WRITE,
        emits=[EventType.NOTIFICATION_TEMPLATE_UPDATED],
    )
    reset_notification_template: ResetNotificationTemplatePayload | None = mutation(
        templates.reset_notification_template,
        requires=P.NOTIFICATIONS_WRITE,
        emits=[EventType.NOTIFICATION_TEMPLATE_RESET],
    )
