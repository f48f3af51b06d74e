"""Public holidays by a venue's time zone."""

from datetime import date

import pytest

from domain.analytics.public_holidays import country_of, public_holidays


@pytest.mark.parametrize(
    ("time_zone", "country"),
    [
        ("Europe/Berlin", "DE"),
        ("America/New_York", "US"),
        ("US/Eastern", "US"),
        ("Asia/Calcutta", "IN"),
        ("Pacific/Chatham", "NZ"),
        ("Etc/UTC", None),
        ("CET", "BE"),
    ],
)
def test_a_time_zone_tells_the_country(time_zone: str, country: str | None) -> None:
    assert country_of(time_zone) == country


def test_holidays_are_named_in_english_whatever_the_language_of_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANG", "de_DE.UTF-8")

    assert public_holidays("DE", (2026,))[date(2026, 12, 25)] == "Christmas Day"
    assert date(2026, 12, 24) not in public_holidays("DE", (2026,))


def test_a_country_without_known_holidays_has_none() -> None:
    assert public_holidays(None, (2026,)) == {}
    assert public_holidays("XX", (2026,)) == {}
