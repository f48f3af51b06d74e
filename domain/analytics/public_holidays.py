"""The public holidays of a venue's country, in English.

A venue states no country: its time zone tells it, by the tables of the time-zone database.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

import tzdata

LANGUAGE: Final = "en_US"


def country_of(time_zone: str) -> str | None:
    """Returns the ISO 3166 code of a zone's country; None for zones of none, such as UTC.

    Of a zone that several countries share, it is the one that the zone is named for.
    """
    countries = _countries()
    found = countries.get(time_zone)
    return found if found is not None else countries.get(_links().get(time_zone, ""))


@lru_cache(maxsize=64)
def public_holidays(country: str | None, years: Sequence[int]) -> Mapping[date, str]:
    """Returns the names of a country's national holidays by date; none of a country unknown.

    ``years`` is hashable. Holidays of parts of a country aren't among them.
    """
    if country is None:
        return {}
    # It takes a tenth of a second, and few processes need it.
    import holidays

    if country not in holidays.list_supported_countries():
        return {}
    # Without a language, the names would depend on the process's environment.
    return dict(holidays.country_holidays(country, years=years, language=LANGUAGE).items())


@cache
def _countries() -> Mapping[str, str]:
    """Returns the country of each zone that the time-zone database gives to one."""
    rows = (line.split("\t") for line in _lines("zone.tab") if not line.startswith("#"))
    return {row[2]: row[0] for row in rows}


@cache
def _links() -> Mapping[str, str]:
    """Returns the zones that other names stand for."""
    rows = (line.split() for line in _lines("tzdata.zi"))
    return {row[2]: row[1] for row in rows if row and row[0] == "L"}


def _lines(name: str) -> Sequence[str]:
    return files(tzdata).joinpath("zoneinfo", name).read_text("utf-8").splitlines()
