"""Finds the time zone that a text names, such as 'London time' or 'CET'."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale

from domain.assistant.phrases.grammars import Grammar
from domain.assistant.phrases.text import UnreadText
from domain.core.local_time import zone, zone_names
from domain.core.text import search_form

# The offset that an abbreviation stands for (in these names, 'GMT-1' is ahead of UTC), and the
# zones whose time people mean by it, even when the clock there has another name.
_ABBREVIATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "UTC": ("Etc/UTC",),
    "GMT": ("Etc/UTC", "Europe/London"),
    "BST": ("Etc/GMT-1", "Europe/London", "Asia/Dhaka"),
    "WET": ("Etc/UTC", "Europe/Lisbon"),
    "CET": ("Etc/GMT-1", "Europe/Paris"),
    "CEST": ("Etc/GMT-2", "Europe/Paris"),
    "EET": ("Etc/GMT-2", "Europe/Athens"),
    "EST": ("Etc/GMT+5", "America/New_York"),
    "EDT": ("Etc/GMT+4", "America/New_York"),
    "ET": ("America/New_York",),
    "CST": ("Etc/GMT+6", "America/Chicago", "Asia/Shanghai"),
    "MST": ("Etc/GMT+7", "America/Denver"),
    "PST": ("Etc/GMT+8", "America/Los_Angeles"),
    "PDT": ("Etc/GMT+7", "America/Los_Angeles"),
    "PT": ("America/Los_Angeles",),
    "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
}
_SAME: Final = {"MEZ": "CET", "MESZ": "CEST", "HEC": "CET", "HNEC": "CET", "Z": "UTC"}
_CODE: Final = re.compile(
    r"(?:\d|[aApP]\.?[mM]\.?|[uU]hr|h)\s*\(?(" + "|".join({*_ABBREVIATIONS, *_SAME}) + r")\b"
)


@dataclass(frozen=True, slots=True)
class ZoneMention:
    """A zone as it was named, and the clocks that may be meant."""

    name: str
    clocks: tuple[ZoneInfo, ...]


def find_zone(text: UnreadText, original: str, grammar: Grammar) -> ZoneMention | None:
    """Returns the time zone that is named, if there is one."""
    if code := _CODE.search(original):
        text.take(re.compile(rf"\b{code[1].lower()}\b"))
        name = _SAME.get(code[1], code[1])
        return ZoneMention(name, tuple(map(zone, _ABBREVIATIONS[name])))
    for pattern in grammar.zones:
        for match in grammar.compiled(pattern).finditer(text.text):
            name = match["city"]
            cities = _cities(grammar.language)
            found = cities.get(name) or cities.get(name.removesuffix("er"))
            if found is not None:
                text.remove(*match.span())
                return ZoneMention(found, (zone(found),))
    return None


@cache
def _cities(language: str) -> Mapping[str, str]:
    """Returns the zones by the names of their cities, in English and another language."""
    cities = {}
    for name in sorted(zone_names()):
        region, _, city = name.rpartition("/")
        if region and region not in ("Etc", "US", "SystemV"):
            cities[search_form(city.replace("_", " "))] = name
    for name, known in Locale(language).time_zones.items():
        if "city" in known and name in zone_names():
            cities[search_form(known["city"])] = name
    return cities
