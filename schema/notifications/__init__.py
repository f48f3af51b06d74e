"""The API of notifications: texts, settings, deliveries and the inbox."""

from typing import Final

from schema.core.areas import Area
from schema.notifications.deliveries import (
    NotificationDeliveryMutations,
    NotificationDeliveryQueries,
)
from schema.notifications.inbox import InboxMutations, InboxQueries, InboxSubscriptions
from schema.notifications.preferences import (
    NotificationPreferencesMutations,
    NotificationPreferencesQueries,
)
from schema.notifications.presence import PresenceSubscriptions
from schema.notifications.settings import (
    NotificationSettingsMutations,
    NotificationSettingsQueries,
)
from schema.notifications.templates import TemplateChangedError, TemplateMutations, TemplateQueries

AREA: Final = Area(
    queries=(
        TemplateQueries,
        InboxQueries,
        NotificationSettingsQueries,
        NotificationPreferencesQueries,
        NotificationDeliveryQueries,
    ),
    mutations=(
        TemplateMutations,
        InboxMutations,
        NotificationSettingsMutations,
        NotificationPreferencesMutations,
        NotificationDeliveryMutations,
    ),
    subscriptions=(InboxSubscriptions, PresenceSubscriptions),
    types=(TemplateChangedError,),
)
