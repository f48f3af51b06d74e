"""Says in English why a time is suggested."""

from typing import assert_never

from domain.assistant.suggestions import Criterion, Fit, Ranking, Suggestion
from domain.assistant.wishes import Distance, Habits, PreferredHours
from domain.core.formatting import counted
from domain.core.ids import RoomId
from domain.core.money import Money


def reason_text(ranking: Ranking, suggestion: Suggestion, fit: Fit) -> str:
    """Returns how well a suggestion meets a criterion, as a sentence."""
    wishes, slot = ranking.wishes, suggestion.slot
    match fit.criterion:
        case Criterion.TIME:
            assert wishes.hours is not None, "the criterion applies"
            return _time(suggestion.distance, wishes.hours)
        case Criterion.DATE:
            days = suggestion.distance.days
            if not days:
                return "It is on a wished date."
            return f"It is {counted(days, 'day')} away from the wished dates."
        case Criterion.PRICE:
            return _price(slot.price, wishes.budget, ranking.cheapest)
        case Criterion.ROOM:
            return "It is in a wished room." if fit.share else "It is in another room."
        case Criterion.SIZE:
            share = round(100 * fit.share)
            return "The room fits the party." if share == 100 else f"It fills {share}% of the room."
        case Criterion.HABIT:
            assert ranking.habits is not None, "the criterion applies"
            minute = suggestion.local.hour * 60 + suggestion.local.minute
            return _habit(ranking.habits, slot.room_id, minute)
        case Criterion.GAP:
            return _gap(*suggestion.gap)
        case never:
            assert_never(never)


def _time(distance: Distance, hours: PreferredHours) -> str:
    minutes = distance.minutes
    if minutes < 0:
        return f"It starts {counted(-minutes, 'minute')} before {hours.from_}."
    if minutes > 0:
        return f"It starts {counted(minutes, 'minute')} after {hours.until}."
    return "It starts in the preferred hours."


def _price(price: Money | None, budget: Money | None, cheapest: Money | None) -> str:
    if price is None:
        return "It has no price."
    if budget is not None:
        over = price.amount_minor - budget.amount_minor
        if over <= 0:
            return f"{price} is within the budget."
        return f"It is {Money(over, price.currency_code)} over the budget."
    assert cheapest is not None, "the criterion applies"
    more = price.amount_minor - cheapest.amount_minor
    if not more:
        return "No other time costs less."
    return f"It costs {Money(more, price.currency_code)} more than the cheapest time."


def _habit(habits: Habits, room_id: RoomId, minute: int) -> str:
    return (
        f"Of the last {counted(habits.visits, 'visit')}, {habits.in_room(room_id)} were in this "
        f"room and {habits.around(minute)} at about this time."
    )


def _gap(before: int, after: int) -> str:
    gaps = [
        f"{counted(minutes, 'minute')} {side} it"
        for minutes, side in ((before, "before"), (after, "after"))
        if minutes
    ]
    if not gaps:
        return "It leaves no gap that is too short to book."
    return f"It leaves {' and '.join(gaps)} that nobody can book."
