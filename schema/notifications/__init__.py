"""The API of notifications: texts, settings, deliveries and the inbox."""

from typing import Final

from schema.core.areas import Area
from schema.notifications.templates import TemplateChangedError, TemplateMutations, TemplateQueries

AREA: Final = Area(
    queries=(TemplateQueries,),
    mutations=(TemplateMutations,),
    types=(TemplateChangedError,),
)
