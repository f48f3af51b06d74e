"""The API of notifications: texts, settings, deliveries and the inbox."""

from typing import Final

from schema.core.areas import Area
from schema.notifications.inbox import InboxMutations, InboxQueries, InboxSubscriptions
from schema.notifications.presence import PresenceSubscriptions
from schema.notifications.templates import TemplateChangedError, TemplateMutations, TemplateQueries

AREA: Final = Area(
    queries=(TemplateQueries, InboxQueries),
    mutations=(TemplateMutations, InboxMutations),
    subscriptions=(InboxSubscriptions, PresenceSubscriptions),
    types=(TemplateChangedError,),
)
