"""Finds numbers of people, durations and budgets."""

import re
from typing import Final

from domain.assistant.phrases.grammars import DurationKind, Grammar, PartyKind
from domain.assistant.phrases.requests import Budget, BudgetPer, RemarkCode
from domain.assistant.phrases.text import UnreadText

_MAX_PARTY: Final = 500
_MAX_MINUTES: Final = 44_700
_CURRENCIES: Final = {
    "eur": "EUR",
    "euro": "EUR",
    "euros": "EUR",
    "\u20ac": "EUR",
    "usd": "USD",
    "$": "USD",
    "dollar": "USD",
    "dollars": "USD",
    "dolares": "USD",
    "gbp": "GBP",
    "\u00a3": "GBP",
    "pound": "GBP",
    "pounds": "GBP",
    "pfund": "GBP",
    "libras": "GBP",
    "chf": "CHF",
    "franken": "CHF",
    "jpy": "JPY",
    "yen": "JPY",
    "\u00a5": "JPY",
}
_CURRENCY: Final = "|".join(re.escape(each) for each in sorted(_CURRENCIES, key=len, reverse=True))
# "24 hours before" is no duration.
_NOTICE: Final = re.compile(r"[ ;]*(?:before|prior|notice|in advance|vor|vorher|antes|avant)(?!\w)")
_AMOUNT: Final = r"\d{1,6}(?:[.,]\d{1,2})?"
_PRICED: Final = re.compile(
    rf"(?P<before>{_CURRENCY}) ?(?P<amount>{_AMOUNT})(?![\d:])"
    rf"|(?<![\d:.])(?P<amount2>{_AMOUNT}) ?(?P<after>{_CURRENCY})(?!\w)"
)


def find_party(text: UnreadText, grammar: Grammar) -> tuple[int | None, RemarkCode | None]:
    """Returns the number of people, and what was assumed about it."""
    for kind, pattern in grammar.parties:
        match = text.take(grammar.compiled(pattern))
        if match is None:
            continue
        given = {key: value for key, value in match.groupdict().items() if value is not None}
        n = _named_number(given)
        match kind:
            case PartyKind.ROUGH:
                found, assumed = n, RemarkCode.ROUGH_NUMBER
            case PartyKind.RANGE:
                found, assumed = max(n, int(given["n2"])), RemarkCode.LARGEST_NUMBER
            case PartyKind.WITH_SPEAKER:
                found, assumed = n + 1, RemarkCode.SPEAKER_COUNTED
            case _:
                return (n, None) if 0 < n <= _MAX_PARTY else (None, None)
        return (found, assumed) if 0 < found <= _MAX_PARTY else (None, None)
    return None, None


def find_duration(text: UnreadText, grammar: Grammar) -> tuple[int | None, RemarkCode | None]:
    """Returns how many minutes the booking is to last, and what was assumed about it."""
    for kind, pattern in grammar.durations:
        match = text.take(grammar.compiled(pattern))
        if match is None:
            continue
        if _NOTICE.match(text.text[match.start() :]):
            return None, None
        given = {key: value for key, value in match.groupdict().items() if value is not None}
        number = float(given.get("n", "1").replace(",", "."))
        match kind:
            case DurationKind.MINUTES:
                minutes = number
            case DurationKind.HOURS:
                minutes = number * 60 + int(given.get("minutes", 0))
            case DurationKind.HOURS_AND_HALF:
                minutes = number * 60 + 30
            case DurationKind.HOURS_RANGE:
                number = max(number, float(given["n2"]))
                return round(number * 60), RemarkCode.LARGEST_NUMBER
            case _:
                minutes = 30
        return round(minutes) if 0 < minutes <= _MAX_MINUTES else None, None
    return None, None


def find_budget(text: UnreadText, grammar: Grammar) -> Budget | None:
    """Returns the most that is to be spent."""
    amount = currency = None
    for pattern in (_PRICED, *map(grammar.compiled, grammar.budgets)):
        if match := text.take(pattern):
            given = match.groupdict()
            amount = given["amount"] or given["amount2"]
            unit = given.get("before") or given.get("after")
            currency = _CURRENCIES[unit] if unit else None
            break
    if amount is None:
        return None
    per = BudgetPer.BOOKING
    if text.take(grammar.compiled(grammar.per_person)):
        per = BudgetPer.PERSON
    elif text.take(grammar.compiled(grammar.per_hour)):
        per = BudgetPer.HOUR
    return Budget(amount.replace(",", "."), currency, per)


def _named_number(given: dict[str, str]) -> int:
    if "n" in given:
        return int(given["n"])
    if about := next((key for key in given if key.startswith("about")), None):
        return int(about.removeprefix("about"))
    return 12 if "dozen" in given else 10 if "ten" in given else 1
