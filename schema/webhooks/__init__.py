"""The API of webhooks: endpoints, and what is sent to them."""

from typing import Final

from schema.core.areas import Area
from schema.webhooks.endpoints import WebhookMutations, WebhookQueries

AREA: Final = Area(queries=(WebhookQueries,), mutations=(WebhookMutations,))
