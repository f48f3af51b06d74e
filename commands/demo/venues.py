"""The demo venues: a karaoke bar and a salon, and how busy each is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.accounts.users import Role
from domain.core.local_time import LocalTime
from domain.payments.cancellation import CancellationStep
from domain.payments.payments import Terms
from domain.tenants.payment_policy import PaymentPolicy, PolicyKind
from domain.tenants.plans import PlanCode
from domain.venue.hours import LocalInterval, Weekday

DEMO_PASSWORD: Final = "boom-demo-password"  # noqa: S105 - printed at every start
DAYS_BACK: Final = 60
DAYS_AHEAD: Final = 30
HOLD_MINUTES: Final = 5
HISTORY_DAYS: Final = 120
"""How long the venue has been a tenant."""
OPENING_RATE_DAYS: Final = 30
"""For how long the rates of the opening haven't applied any more."""


@dataclass(frozen=True, slots=True)
class DemoRoom:
    """A room of a demo venue; the rate is in minor units per hour.

    ``opening_rate_minor`` is what it cost at first. ``parts`` are the places of the rooms that it
    consists of. Rooms that aren't ``is_busy`` have few bookings, which are made one by one.
    """

    name: str
    description: str
    category: str
    capacity: int
    hourly_rate_minor: int | None
    color: str
    buffer_after_minutes: int = 0
    parts: tuple[int, ...] = ()
    seats: int | None = None
    is_busy: bool = True
    opening_rate_minor: int | None = None


@dataclass(frozen=True, slots=True)
class DemoBlackout:
    """A blackout on the first open day from so many days ahead; without a room, of all rooms."""

    days_ahead: int
    hours: LocalInterval
    reason: str
    room: int | None = None


@dataclass(frozen=True, slots=True)
class DemoVenue:
    """A demo venue and how busy it is.

    ``terms`` are those of new bookings, ``paid_by`` those of ended ones that were made online.
    ``weekdays`` is how busy each is and ``hours_of_day`` when on it people come, from 0 to 1;
    ``durations`` weighs lengths in minutes; ``holiday`` is closed, on the first open day from so
    many days ahead.
    """

    subdomain: str
    name: str
    time_zone: str
    currency_code: str
    plan: PlanCode
    requires_confirmation: bool
    terms: Terms
    paid_by: Terms
    week: Mapping[Weekday, LocalInterval]
    rooms: tuple[DemoRoom, ...]
    customers: int
    customer_locales: tuple[str, ...]
    phone_prefix: str
    weekdays: Mapping[Weekday, float]
    hours_of_day: Mapping[int, float]
    durations: Mapping[int, int]
    holiday_days_ahead: int
    blackout: DemoBlackout


USERS: Final = {
    Role.OWNER: "Robin O.",
    Role.ADMIN: "Charlie A.",
    Role.MANAGER: "Sam M.",
    Role.STAFF: "Toni S.",
    Role.CUSTOMER: "Kim C.",
}
"""Names by role; the addresses are `<role>@<subdomain>.test`."""

GIVEN_NAMES: Final = (
    "Alex", "Andy", "Ari", "Bao", "Casey", "Chris", "Dana", "Devin", "Eden", "Elia", "Finn",
    "Francis", "Glenn", "Hao", "Indra", "Jamie", "Jo", "Jordan", "Kai", "Kerry", "Kiran", "Lee",
    "Lou", "Luca", "Marlo", "Micha", "Nicky", "Noor", "Pat", "Quinn", "Ray", "Remy", "Riley",
    "Sascha", "Shay", "Sidney", "Taylor", "Uli", "Val", "Yuki",
)  # fmt: skip
INITIALS: Final = "ABCDEFGHIJKLMNOPRSTVWZ"
CUSTOMER_NOTES: Final = ("Prefers a quiet corner.", "Pays by invoice.", "Needs step-free access.")
BOOKING_NOTES: Final = ("A birthday.", "A first visit.", "Arrives a little late.", "Two strollers.")
CANCEL_REASONS: Final = ("A change of plans", "Somebody fell ill", "Found another date", None)


def _daily(opens: str, closes: str) -> LocalInterval:
    return LocalInterval(LocalTime.parse(opens), LocalTime.parse(closes))


def _from(hour: int, *busy: float) -> dict[int, float]:
    """Returns how busy each hour of the day is, from an hour on, also past midnight."""
    return {(hour + n) % 24: each for n, each in enumerate(busy)}


_NIGHT: Final = _daily("17:00", "26:00")
_LONG_NIGHT: Final = _daily("17:00", "27:00")
_DAY: Final = _daily("09:00", "19:00")

BOOM: Final = DemoVenue(
    subdomain="boom",
    name="Boom Karaoke",
    time_zone="America/New_York",
    currency_code="USD",
    plan=PlanCode.ENTERPRISE,
    requires_confirmation=False,
    terms=Terms(PaymentPolicy(PolicyKind.NONE)),
    paid_by=Terms(PaymentPolicy(PolicyKind.FULL), (CancellationStep(24 * 60, 100),)),
    week=dict.fromkeys(Weekday, _NIGHT)
    | {Weekday.FRIDAY: _LONG_NIGHT, Weekday.SATURDAY: _LONG_NIGHT},
    rooms=(
        DemoRoom("Retro Booth", "Two microphones and the eighties.", "Booth", 2, 2200, "#E4572E"),
        DemoRoom("Neon Lounge", "Sofas for a small crowd.", "Lounge", 4, 3000, "#17BEBB"),
        DemoRoom("Disco Den", "A mirror ball and a dance floor.", "Lounge", 6, 3800, "#FFC914"),
        DemoRoom(
            *("Velvet Room", "The quiet one, with a bar.", "Lounge", 8, 4500, "#76448A"),
            opening_rate_minor=6500,
        ),
        DemoRoom("Rooftop Stage", "A small stage under the sky.", "Stage", 14, 8000, "#2E86C1", 30),
        DemoRoom(
            *("Grand Hall", "The big stage, for parties.", "Stage", 24, 12000, "#28B463", 30),
            parts=(6, 7),
        ),
        DemoRoom(
            *(
                "Hall Front",
                "The half with the stage.",
                "Half",
                14,
                7000,
                "#58D68D",
                30,
            ),
            is_busy=False,
        ),
        DemoRoom(
            *("Hall Back", "The half with the bar.", "Half", 10, 5500, "#82E0AA", 30),
            is_busy=False,
        ),
        DemoRoom(
            *("Song School", "A singing class, booked by the seat.", "Class", 12, None, "#F39C12"),
            seats=12,
            is_busy=False,
        ),
    ),
    customers=400,
    customer_locales=("en-US", "en-US", "en-US", "es-US"),
    phone_prefix="+1 212 555 01",
    weekdays={
        Weekday.MONDAY: 0.65,
        Weekday.TUESDAY: 0.65,
        Weekday.WEDNESDAY: 0.75,
        Weekday.THURSDAY: 0.9,
        Weekday.FRIDAY: 1.0,
        Weekday.SATURDAY: 1.0,
        Weekday.SUNDAY: 0.7,
    },
    hours_of_day=_from(17, 0.7, 0.85, 0.95, 1.0, 1.0, 1.0, 0.95, 0.85, 0.6, 0.4),
    durations={60: 74, 90: 15, 120: 10, 180: 1},
    holiday_days_ahead=12,
    blackout=DemoBlackout(
        6, _daily("17:00", "22:00"), "The sound system is being replaced", room=4
    ),
)

_DEPOSIT: Final = Terms(
    PaymentPolicy(PolicyKind.DEPOSIT, percent=20),
    (CancellationStep(24 * 60, 100), CancellationStep(2 * 60, 50)),
)

SALON: Final = DemoVenue(
    subdomain="salon",
    name="Salon Aurora",
    time_zone="Europe/Berlin",
    currency_code="EUR",
    plan=PlanCode.PROFESSIONAL,
    requires_confirmation=True,
    terms=_DEPOSIT,
    paid_by=_DEPOSIT,
    week={
        Weekday.TUESDAY: _DAY,
        Weekday.WEDNESDAY: _DAY,
        Weekday.THURSDAY: _DAY,
        Weekday.FRIDAY: _DAY,
        Weekday.SATURDAY: _daily("09:00", "16:00"),
    },
    rooms=(
        DemoRoom("Window Chair", "Cut and style, with a view.", "Chair", 1, 4800, "#AF7AC5"),
        DemoRoom("Corner Chair", "Cut and style.", "Chair", 1, 4800, "#5499C7"),
        DemoRoom("Colour Bar", "Colour and care.", "Chair", 1, 6000, "#EC7063"),
        DemoRoom("Treatment Room", "For one, or for two.", "Room", 2, 7500, "#45B39D", 30),
    ),
    customers=120,
    customer_locales=("de-DE", "de-DE", "en-GB"),
    phone_prefix="+49 30 2312 50",
    weekdays={
        Weekday.MONDAY: 0.0,
        Weekday.TUESDAY: 0.2,
        Weekday.WEDNESDAY: 0.2,
        Weekday.THURSDAY: 0.25,
        Weekday.FRIDAY: 0.35,
        Weekday.SATURDAY: 0.4,
        Weekday.SUNDAY: 0.0,
    },
    hours_of_day=_from(9, 0.5, 0.8, 0.8, 0.5, 0.5, 0.7, 0.8, 0.9, 1.0, 0.8),
    durations={30: 40, 60: 42, 90: 18},
    holiday_days_ahead=9,
    blackout=DemoBlackout(5, _daily("13:00", "16:00"), "The team is being trained"),
)

VENUES: Final = (BOOM, SALON)
