"""The API of notifications: texts, settings, deliveries and the inbox."""

from typing import Final

from schema.core.areas import Area

AREA: Final = Area()
