"""Calendar feeds, as calendars on ical.js and on the `icalendar` package read them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar

from domain.bookings.calendar_feeds import END, FeedEntry, calendar_head, calendar_uid, event
from domain.bookings.lifecycle import Status
from domain.core.intervals import Interval
from tests.protocol.node_kit import Kit

NOW: Final = datetime(2027, 1, 1, tzinfo=UTC)
TURNS: Final = {
    # Half an hour of summer time.
    "Australia/Lord_Howe": "2027-04-03T23:00",
    # Summer time but for Ramadan.
    "Africa/Casablanca": "2027-02-06T23:00",
    "America/St_Johns": "2027-03-13T23:30",
    # 45 minutes from the hour, as in Kathmandu, and summer time too.
    "Pacific/Chatham": "2027-09-25T23:45",
    "Asia/Kathmandu": "2027-12-31T23:15",
}
"""Evenings before the clocks change or the year ends, by odd zones."""
TEXTS: Final = ("Remy; W.", "Attic, Den\\", "Zwölf Stühle, bitte;\nam Fenster 🎤 " * 9)


def times() -> list[Interval]:
    """Returns three hours from each evening on, past midnight, and the hours around them."""
    found = []
    for name, evening in TURNS.items():
        start = datetime.fromisoformat(evening).replace(tzinfo=ZoneInfo(name)).astimezone(UTC)
        for hours in (-24, 0, 3, 24):
            begun = start + timedelta(hours=hours)
            found.append(Interval(begun, begun + timedelta(hours=3)))
    return found


async def test_two_parsers_read_the_same_instants(kit: Kit, tmp_path: Path) -> None:
    given = [(UUID(int=number), time) for number, time in enumerate(times())]
    entry = FeedEntry(*TEXTS, Status.CONFIRMED, NOW)
    text = "".join(
        [
            calendar_head("Boom; Bar, Soho"),
            *(event(id, time, version=3, stamp=NOW, entry=entry) for id, time in given),
            END,
        ]
    )
    file = tmp_path / "feed.ics"
    file.write_bytes(text.encode())
    wanted = [
        [str(calendar_uid(id)), written(time.start), written(time.end), 2, *TEXTS]
        for id, time in given
    ]

    by_icalendar = [read(each) for each in Calendar.from_ical(text).walk("VEVENT")]
    async with kit.running("feed.mjs", str(file)) as lines:
        by_ical_js = [await lines.next() for _ in given]

    assert by_icalendar == wanted
    assert by_ical_js == wanted


def read(each: Any) -> list[Any]:
    ends = [written(each[name].dt) for name in ("DTSTART", "DTEND")]
    texts = [str(each[name]) for name in ("SUMMARY", "LOCATION", "DESCRIPTION")]
    return [str(each["UID"]), *ends, int(each["SEQUENCE"]), *texts]


def written(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
