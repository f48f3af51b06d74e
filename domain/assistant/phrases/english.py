"""How people ask for bookings in English."""

from typing import Final

from domain.assistant.phrases.grammars import (
    ClockKind,
    DateKind,
    DurationKind,
    Grammar,
    PartOfDay,
    PartyKind,
)
from domain.assistant.phrases.numbers import combined, counted, tens

_UNITS: Final = counted(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS: Final = tens("twenty thirty forty fifty sixty seventy eighty ninety")
_ORDINALS: Final = counted(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth",
    first=1,
)
_AP: Final = r"(?: ?(?P<ap>am|pm|o'clock))"
_AP2: Final = r"(?: ?(?P<ap2>am|pm|o'clock))"
_PEOPLE: Final = (
    "(?:people|persons?|guests?|adults?|friends|of us|players?|pax|ppl|folks|kids|children|seats)"
)
_ROUGH: Final = "(?:about|around|roughly|approximately|approx|some|maybe|probably|nearly|almost)"

ENGLISH: Final = Grammar(
    language="en",
    weekdays=counted("monday tuesday wednesday thursday friday saturday sunday")
    | counted("mon tue wed thu fri sat sun")
    | {"tues": 1, "thur": 3, "thurs": 3},
    months=counted(
        "january february march april may june july august september october november december",
        first=1,
    )
    | counted("jan feb mar apr may jun jul aug sep oct nov dec", first=1)
    | {"sept": 9},
    named_days={
        "today": 0,
        "tomorrow": 1,
        "the day after tomorrow": 2,
        "day after tomorrow": 2,
        "overmorrow": 2,
        "yesterday": -1,
        "the day before yesterday": -2,
    },
    holidays={
        "new year's eve": (12, 31),
        "new years eve": (12, 31),
        "nye": (12, 31),
        "new year's day": (1, 1),
        "christmas eve": (12, 24),
        "christmas day": (12, 25),
        "boxing day": (12, 26),
        "valentine's day": (2, 14),
        "valentines day": (2, 14),
        "halloween": (10, 31),
    },
    numbers=combined([*_UNITS], _TENS, " "),
    ordinals=_ORDINALS
    | {"twentieth": 20, "thirtieth": 30}
    | {
        f"{_TENS[ten]} {word}": ten + unit
        for ten in (20, 30)
        for word, unit in _ORDINALS.items()
        if unit < 10
    },
    units={
        "day": "day",
        "days": "day",
        "week": "week",
        "weeks": "week",
        "month": "month",
        "months": "month",
        "weekend": "weekend",
        "fortnight": "fortnight",
    },
    common=(
        "a an the for at on of in and or we are i is my us can could would like to book table room "
        "next this from until between after before half past quarter noon midnight evening morning "
        "afternoon night tonight hour hours minutes people guests party free please want need have "
        "you your what when how who which any with around about move cancel booking reservation "
        "hello hi hey thanks am pm do does open opening why price much cost it be there available"
    ),
    rewrites=(
        (r"\b([ap])\.?\s?m\b\.?", r"\1m"),
        (r"\b(tonight|tonite|this night)\b", "today evening"),
        (r"\bthis (morning|afternoon|evening)\b", r"today \1"),
        (r"\b(next|coming|this) (few|couple)\b", "some"),
        (r"\bcouple of (hours)\b", r"2 \1"),
        (r"\ba (half) (hour)\b", r"\1 \2"),
        (r"\bhalf an hour\b", "half hour"),
        (r"\b(second|seconds)\b(?! of| (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))", ""),
        (r"\b(third|quarter)s\b", ""),
    ),
    dates=(
        (DateKind.HOLIDAY, r"{holiday}"),
        (DateKind.LAST, r"(?:last|the previous|the past) {period}"),
        (DateKind.NTH_WEEKDAY, r"(?:the )?{day}(?:st|nd|rd|th) {weekday} (?:of|in) {month}"),
        (DateKind.WITHIN, r"(?:within (?:the )?(?:next )?|in the next )(?:{n} )?{unit}"),
        (
            DateKind.DAY_RANGE,
            r"(?:from |between )?(?:the )?{day}(?:st|nd|rd|th)?(?: of)?(?: {month})?"
            r"(?: ?(?:to|until|till|-|and|through) ?)(?:the )?{day2}(?:st|nd|rd|th)?(?: of)? "
            r"{month2}(?:,? {year})?",
        ),
        (
            DateKind.DAY_RANGE,
            r"(?:from |between )?{month} (?:the )?{day}(?:st|nd|rd|th)?(?: ?(?:to|until|till|-|and"
            r"|through) ?)(?:{month2} )?(?:the )?{day2}(?:st|nd|rd|th)?(?:,? {year})?",
        ),
        (DateKind.DAY_MONTH, r"(?:the )?{day}(?:st|nd|rd|th)?(?: of)? {month}(?:,? {year})?"),
        (
            DateKind.DAY_MONTH,
            r"{month} (?:the )?{day}(?:st|nd|rd|th)?(?:,? {year})?(?! ?(?:am|pm))",
        ),
        (DateKind.WEEKDAY_AHEAD, r"{n} weeks? (?:from|after|on) {weekday}"),
        (DateKind.WEEKDAY_AHEAD, r"(?:a )?week (?:from|after|on) {weekday}"),
        (DateKind.WEEKDAY_AHEAD, r"{weekday} in (?:{n} weeks|a week)"),
        (DateKind.WEEKDAY_AHEAD, r"{weekday} week"),
        (
            DateKind.WEEKDAY_AHEAD,
            r"not (?:this |next )?{weekday},?(?: ;)? (?:but )?(?:the )?(?:1 after|following|next)"
            r"(?: 1)?",
        ),
        (DateKind.AHEAD, r"{n} {unit} (?:from|after) {named}"),
        (DateKind.AHEAD, r"(?:in )?{n} {unit}(?:'s? time)?(?: from (?:now|today))"),
        (DateKind.AHEAD, r"in {n} {unit}(?:'s? time)?(?: from (?:now|today))?"),
        (DateKind.AHEAD, r"in (?:a|an) {unit}(?:'s? time)?"),
        (DateKind.AHEAD, r"(?:a|an) {unit} from (?:now|today)"),
        (DateKind.AFTER_NEXT, r"(?:the )?{period} after next"),
        (DateKind.NEXT, r"next {period}"),
        (DateKind.COMING, r"(?:the )?(?:coming|upcoming) {period}|(?:the )?following {period2}"),
        (DateKind.THIS, r"this (?:coming )?{period}|(?:on |at )?the {unit}(?<=weekend)"),
        (DateKind.NAMED_DAY, r"{named}"),
        (DateKind.DAY_OF_MONTH, r"{weekday} (?:the )?{day}(?:st|nd|rd|th)"),
        (DateKind.DAY_OF_MONTH, r"{weekday} the {day}(?! ?(?:am|pm|people|guests))"),
        (DateKind.WEEKDAY, r"{weekday}s?"),
        (
            DateKind.DAY_OF_MONTH,
            r"the {day}(?:st|nd|rd|th)"
            r"(?! (?:floor|room|birthday|1\b|ones|available|free|slot|time))",
        ),
        (DateKind.MONTH, r"(?:in|during|of) {month}"),
    ),
    parts_of_day=(
        (PartOfDay.NOON, r"(?:at |around |over |during )?(?:lunch ?time|lunch|midday)"),
        (PartOfDay.MORNING, r"(?:in the |early )?mornings?"),
        (PartOfDay.AFTERNOON, r"(?:in the |late )?afternoons?"),
        (PartOfDay.EVENING, r"(?:in the |late )?(?:evenings?|eve)"),
        (PartOfDay.NIGHT, r"(?:at |in the |late )*night"),
    ),
    clocks=(
        (
            ClockKind.BETWEEN,
            rf"between {{h}}(?:[:.]{{m}})?{_AP}? (?:and|to|-) {{h2}}(?:[:.]{{m2}})?{_AP2}?",
        ),
        (
            ClockKind.FROM_TO,
            rf"from {{h}}(?:[:.]{{m}})?{_AP}? ?(?:to|until|till|til|-) ?"
            rf"{{h2}}(?:[:.]{{m2}})?{_AP2}?",
        ),
        (
            ClockKind.FROM_TO,
            rf"(?:at )?{{h}}(?:[:.]{{m}})?{_AP}? ?(?:to|until|till|til|-) ?"
            rf"{{h2}}(?:(?:[:.]{{m2}}){_AP2}?|{_AP2.replace('ap2', 'ap3')})",
        ),
        (ClockKind.HALF_PAST, r"(?:at )?half (?:past )?{h}(?: ?(?P<ap>am|pm))?"),
        (ClockKind.QUARTER_TO, r"(?:at )?(?:a )?quarter (?:to|of|before) {h}(?: ?(?P<ap>am|pm))?"),
        (ClockKind.QUARTER_PAST, r"(?:at )?(?:a )?quarter (?:past|after) {h}(?: ?(?P<ap>am|pm))?"),
        (
            ClockKind.MINUTES_PAST,
            r"(?:at )?{n}(?: minutes)? (?:past|after) {h}(?: ?(?P<ap>am|pm))?(?! people)",
        ),
        (ClockKind.MINUTES_TO, r"(?:at )?{n}(?: minutes)? (?:to|before) {h}(?: ?(?P<ap>am|pm))"),
        (ClockKind.AFTER, rf"(?:after|from|any time after|not before) {{h}}(?:[:.]{{m}})?{_AP}?"),
        (ClockKind.BEFORE, rf"(?:before|by|until|till) {{h}}(?:[:.]{{m}})?{_AP}?"),
        (
            ClockKind.ABOUT,
            rf"(?:at )?(?:around|about|roughly|circa|ca|approximately) {{h}}"
            rf"(?:(?:[:.]{{m}})?{_AP}|:{{m2}})",
        ),
        (ClockKind.ABOUT, r"(?:at |around |about |say )?{h}(?::{m})? ?ish"),
        (
            ClockKind.ABOUT,
            r"(?<!for )(?<!are )(?:at )?(?:around|about) {h}(?! ?(?:[a-z]+ )?(?:people|persons?"
            r"|guests|of us|adults|friends|pax|ppl|players?|hours?|h|minutes?|mins?|dozen|euros?))",
        ),
        (ClockKind.NOON, r"(?:at )?(?:12 )?noon"),
        (ClockKind.MIDNIGHT, r"(?:at )?(?:12 )?midnight"),
        (ClockKind.AT, rf"(?:at |@ ?)?{{h}}(?:[:.]{{m}})?{_AP}"),
        (ClockKind.AT, r"(?:at |@ ?)?{h} {m} ?(?P<ap>am|pm)"),
        (ClockKind.AT, r"(?:at |@ ?)?{h}:{m}"),
        (ClockKind.AT, r"(?:at|@) ?{h}(?:[.:]?{m})?(?! ?(?:people|guests|euro|dollar|%))"),
    ),
    durations=(
        (DurationKind.HOURS_AND_HALF, r"(?:an? )?{n} (?:and a half|1/2) (?:hours?|hrs?)"),
        (DurationKind.HOURS_AND_HALF, r"{n} hours? and a half"),
        (DurationKind.HOURS_AND_HALF, r"(?:an )?hour and a half"),
        (DurationKind.HALF_HOUR, r"half hour"),
        (DurationKind.HOURS_RANGE, r"{n} ?(?:-|to|or) ?{n2} ?(?:hours?|hrs?|h)"),
        (
            DurationKind.HOURS,
            r"(?:for )?(?P<n>\d{1,2}(?:[.,]\d{1,2})?) ?(?:hours?|hrs?|h)"
            r"(?:(?: and)? ?(?P<minutes>\d{1,2}) ?(?:minutes|mins?|m))?",
        ),
        (DurationKind.MINUTES, r"(?:for )?{n} ?(?:minutes?|mins?)"),
        (DurationKind.HOURS, r"(?:for )?an hour"),
    ),
    parties=(
        (PartyKind.WITH_SPEAKER, r"(?:me|myself|i) (?:and|plus|with|\+) (?:my )?{n} ?[a-z]*"),
        (PartyKind.WITH_SPEAKER, r"{n} (?:friends|others|people|guests) and (?:me|myself|i)"),
        (PartyKind.RANGE, rf"(?:for |up to |we are )?{{n}} ?(?:-|to|or) ?{{n2}}(?: {_PEOPLE})"),
        (PartyKind.RANGE, r"(?:for|up to) {n} ?(?:-|or) ?{n2}"),
        (
            PartyKind.ROUGH,
            rf"(?:for )?{_ROUGH} (?:(?:a )?(?P<dozen>dozen)|{{n}})(?: {_PEOPLE})?",
        ),
        (PartyKind.ROUGH, rf"(?:for |we are )?(?:a |1 )?(?P<dozen>dozen)(?: (?:of )?{_PEOPLE})?"),
        (PartyKind.EXACT, rf"(?:for |up to |we are |we're )?(?:a )?{{n}} ?(?:[a-z]+ )?{_PEOPLE}"),
        (
            PartyKind.EXACT,
            r"(?:party|group|table|team|room|family) (?:of|for) {n}(?! ?(?:hours?|hrs?))",
        ),
        (PartyKind.EXACT, r"(?:we are|we're|there are|there will be|we will be|we'll be) {n}"),
        (PartyKind.EXACT, r"for {n}(?! ?(?:am|pm|hours?|minutes?|mins?|days?|weeks?|euros?))"),
        (PartyKind.EXACT, r"(?:just|only) (?P<alone>me|myself)"),
    ),
    budgets=(
        r"(?:budget|spend|max|maximum)(?: (?:of|is|around|about))? {amount}"
        r"(?! ?(?:people|guests|am|pm|hours?|minutes?|:|-))",
    ),
    per_person=r"(?:per person|each|per head|pp|a head)",
    per_hour=r"(?:per hour|an hour|hourly|/ ?h)",
    zones=(r"{cities} time", r"{city} time"),
    cautions=(
        r"not|isn't|can't|cannot|don't|except|but|every|last|previous|or|weeks?|months?|days"
        r"|fortnight|before|after|(?:by|until|till|since|from|than) ;|\d+(?:st|nd|rd|th)"
        r"|{longmonth}"
    ),
)
