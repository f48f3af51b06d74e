"""Figures of the venue, of the period that a message names."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from domain.assistant.phrases.text import prepared
from integrations.assistant.local_steps import Call, Step, Turn

_WEEK: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)
_USUAL: Final = timedelta(days=30)

Days = tuple[date, date]


def figures(turn: Turn) -> Step:
    """Returns a call for the figures, or says them. The last 30 days, if no period is named."""
    found = turn.result("analytics_summary")
    first, last = period_in(turn.dialogue.question, turn.today)
    if found is None:
        return Call("analytics_summary", {"date_from": str(first), "date_until": str(last)})
    shown = found["figures"]
    words = turn.words
    what = words.date(first) if first == last else f"{words.date(first)} – {words.date(last)}"  # noqa: RUF001
    text = words.text(
        "figures",
        what=what,
        bookings=shown["bookings"],
        cancelled=shown["cancelled"],
        booked_value=words.money(shown["booked_value"] or "0"),
    )
    if shown["occupancy"] is not None:
        text += words.text("occupancy", share=words.percent(shown["occupancy"]))
    return f"{text}.[[{shown['id']}]]"


def period_in(text: str, today: date) -> Days:
    """Returns the first and the last date of the period that a text names, none of them ahead."""
    plain = prepared(text)
    for pattern, days in _PERIODS:
        if pattern.search(plain):
            return days(today)
    return today - _USUAL, today


def _last_week(today: date) -> Days:
    monday = today - timedelta(days=today.weekday()) - _WEEK
    return monday, monday + _WEEK - _DAY


def _this_week(today: date) -> Days:
    return today - timedelta(days=today.weekday()), today


def _last_month(today: date) -> Days:
    last = today.replace(day=1) - _DAY
    return last.replace(day=1), last


def _this_month(today: date) -> Days:
    return today.replace(day=1), today


def _yesterday(today: date) -> Days:
    return today - _DAY, today - _DAY


def _today(today: date) -> Days:
    return today, today


_NAMED: Final[tuple[tuple[str, Callable[[date], Days]], ...]] = (
    (
        r"last week|(?:letzte|vorige|vergangene)[rn]? woche|semana pasada|"
        r"semaine (?:derniere|passee)",
        _last_week,
    ),
    (r"this week|diese[rn]? woche|esta semana|cette semaine", _this_week),
    (
        r"last month|(?:letzte|vorige|vergangene)[nmr]? monats?|mes pasado|mois (?:dernier|passe)",
        _last_month,
    ),
    (r"this month|diese[nmsr]? monats?|este mes|ce mois", _this_month),
    (r"yesterday|gestern|ayer|d'hier", _yesterday),
    (r"today|tonight|heute|hoy|aujourd'hui", _today),
)
_PERIODS: Final = tuple(
    (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"), days) for pattern, days in _NAMED
)
