"""How people ask for bookings in German."""

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
    "null ein zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn "
    "sechzehn siebzehn achtzehn neunzehn"
)
_TENS: Final = tens("zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig")
_NUMBERS: Final = combined([*_UNITS], _TENS, "und", units_first=True)
_ORDINAL_STEMS: Final = (
    counted("erst zweit dritt viert funft sechst siebt acht", first=1)
    | {f"{word}t": number for word, number in _NUMBERS.items() if 9 <= number < 20}
    | {f"{word}st": number for word, number in _NUMBERS.items() if 20 <= number < 32}
)
_WEEKDAYS: Final = counted("montag dienstag mittwoch donnerstag freitag samstag sonntag")
_PEOPLE: Final = (
    "(?:personen|person|leute|leuten|gaste|gasten|erwachsene|erwachsenen|freunde|freunden|mann|"
    "platze|kinder|kollegen|pers)"
)
_ROUGH: Final = "(?:etwa|ungefahr|circa|ca\\.?|rund|so um die|an die|um die|vielleicht|knapp)"
_NEXT: Final = "(?:nachste[nrsm]?)"
_THIS: Final = "(?:diese[nrsm]?)"
_COMING: Final = "(?:kommende[nrsm]?)"

GERMAN: Final = Grammar(
    language="de",
    weekdays=_WEEKDAYS | {"sonnabend": 5},
    months=counted(
        "januar februar marz april mai juni juli august september oktober november dezember",
        first=1,
    )
    | counted("jan feb mrz apr mai jun jul aug sep okt nov dez", first=1)
    | {"janner": 1, "feber": 2, "sept": 9},
    named_days={"heute": 0, "morgen": 1, "ubermorgen": 2, "gestern": -1, "vorgestern": -2},
    holidays={
        "silvester": (12, 31),
        "silvesterabend": (12, 31),
        "neujahr": (1, 1),
        "heiligabend": (12, 24),
        "heilig abend": (12, 24),
        "nikolaus": (12, 6),
        "valentinstag": (2, 14),
        "halloween": (10, 31),
    },
    numbers={word: number for word, number in _NUMBERS.items() if word != "ein"}
    | {"eins": 1, "zwo": 2},
    ordinals={
        stem + ending: number for stem, number in _ORDINAL_STEMS.items() for ending in ("en", "er")
    }
    # "Zu fünft": five people.
    | {stem: number for stem, number in _ORDINAL_STEMS.items() if stem not in ("erst", "acht")},
    units={
        "tag": "day",
        "tage": "day",
        "tagen": "day",
        "woche": "week",
        "wochen": "week",
        "monat": "month",
        "monate": "month",
        "monaten": "month",
        "monats": "month",
        "wochenende": "weekend",
    },
    common=(
        "der die das den dem ein eine einen einer fur am um in im und oder wir ich ist sind mein "
        "uns kann konnen konnte mochte mochten wurden buchen reservieren tisch raum zimmer nachste "
        "nachsten diese von bis zwischen nach vor ab halb viertel uhr mittag mitternacht abend "
        "vormittag nachmittag nacht stunde stunden minuten personen leute gaste bitte frei haben "
        "hatten gerne gern hallo guten tag wie was wann wer warum mit zu etwa verschieben absagen "
        "stornieren buchung offnungszeiten geoffnet kostet danke nicht es geht ihnen einem gibt "
        "darf meine meinen noch doch welche"
    ),
    rewrites=(
        (r"\bfuer\b", "fur"),
        (r"\bueber", "uber"),
        (r"\bnaechst", "nachst"),
        (r"\bfuenf", "funf"),
        (r"zwoelf", "zwolf"),
        (r"\bmaerz\b", "marz"),
        (r"\bfrueh", "fruh"),
        (r"\bhoechst", "hochst"),
        (r"\bspaet", "spat"),
        (r"\bmoecht", "mocht"),
        (r"\bdreissig", "dreissig"),
        (
            rf"\b({'|'.join(_WEEKDAYS)})(morgen|vormittag|mittag|nachmittag|abend|nacht)s?\b",
            r"\1 \2",
        ),
        (rf"\b({'|'.join(_WEEKDAYS)}|heute|gestern) (?:morgen|morgens|fruh)\b", r"\1 vormittag"),
        (r"\bmorgen fruh\b", "morgen vormittag"),
        (r"\bam morgen\b|\bmorgens\b|\bin der fruh\b", "vormittag"),
        (r"\bdrei viertel (?=\w)", "dreiviertel "),
        (r"\b(mo|di|mi|do|fr|sa|so)\.,?(?= )", r"\1. "),
        (r"\bmo\. ", "montag "),
        (r"\bdi\. ", "dienstag "),
        (r"\bmi\. ", "mittwoch "),
        (r"\bdo\. ", "donnerstag "),
        (r"\bfr\. ", "freitag "),
        (r"\bsa\. ", "samstag "),
        (r"\bso\. ", "sonntag "),
    ),
    dates=(
        (DateKind.HOLIDAY, r"(?:an |am |zu )?{holiday}"),
        (DateKind.LAST, r"(?:am |im )?(?:letzte|vorige|vergangene)[nrsm]? {period}"),
        (DateKind.NTH_WEEKDAY, r"(?:am )?{day}\. {weekday} (?:im|des) {month}"),
        (
            DateKind.WITHIN,
            r"(?:in|innerhalb) (?:den|der|von) (?:nachsten |kommenden )?{n} {unit}",
        ),
        (
            DateKind.WEEKDAY_AHEAD,
            r"nicht (?:diesen |am )?{weekday}(?: ;)? sondern (?:den |am )?"
            r"(?:danach|darauf|nachsten)|{weekday2} darauf",
        ),
        (
            DateKind.DAY_RANGE,
            r"(?:vom |zwischen (?:dem )?)?{day}\.(?: ?{month})?(?: ?(?:bis(?: zum)?|-|und(?: dem)?)"
            r" ?){day2}\. ?{month2}(?: {year})?",
        ),
        (
            DateKind.NUMBERS,
            r"(?:den |am )?{a}\. ?{b}\.(?: ?(?P<year>20\d\d|\d\d(?![:.\d]| ?uhr)))?",
        ),
        (DateKind.NUMBERS, r"am {a}\.{b}"),
        (DateKind.DAY_MONTH, r"(?:den |am |der )?{day}\.? ?{month}\.?(?: {year})?"),
        (DateKind.WEEKDAY_AHEAD, r"{weekday} in (?:{n} wochen|einer woche|8 tagen)"),
        (DateKind.WEEKDAY_AHEAD, r"in (?:{n} wochen|einer woche) (?:am )?{weekday}"),
        (DateKind.AHEAD, r"(?:heute )?in (?:{n}|einer|einem) {unit}"),
        (DateKind.AFTER_NEXT, r"(?:am |im )?ubernachste[nrsm]? {period}"),
        (DateKind.NEXT, rf"(?:am |im |der |die |des )?{_NEXT} {{period}}"),
        (DateKind.NEXT, rf"{{weekday}} {_NEXT} woche"),
        (DateKind.COMING, rf"(?:am |im |der |die |des )?{_COMING} {{period}}"),
        (DateKind.THIS, rf"(?:am |im |der |die |des )?{_THIS} {{period}}|am {{unit}}(?<=ende)"),
        (DateKind.NAMED_DAY, r"{named}"),
        (DateKind.DAY_OF_MONTH, r"(?:am )?{weekday}(?: ;)? (?:den |dem |der )?{day}\.(?!\d)"),
        (DateKind.WEEKDAY, r"(?:am )?{weekday}s?"),
        (DateKind.DAY_OF_MONTH, r"(?:am|den) {day}\.(?!\d)"),
        (DateKind.MONTH, r"im {month}"),
    ),
    parts_of_day=(
        (PartOfDay.MORNING, r"(?:am |fruh )?vormittags?|fruh"),
        (PartOfDay.NOON, r"(?:am |zu |uber )?mittags?"),
        (PartOfDay.AFTERNOON, r"(?:am )?nachmittags?"),
        (PartOfDay.EVENING, r"(?:am )?abends?"),
        (PartOfDay.NIGHT, r"(?:in der )?nachts?"),
    ),
    clocks=(
        (
            ClockKind.BETWEEN,
            r"zwischen {h}(?:[:.]{m})?(?: uhr)? und {h2}(?:[:.]{m2})?(?: uhr)?(?! personen| leute)",
        ),
        (
            ClockKind.FROM_TO,
            r"von {h}(?:[:.]{m})?(?: uhr)? ?(?:bis|-) ?{h2}(?:[:.]{m2})?(?: uhr)?",
        ),
        (ClockKind.FROM_TO, r"{h}(?:[:.]{m})?(?: uhr)? ?(?:bis|-) ?{h2}(?:[:.]{m2})? uhr"),
        (ClockKind.MINUTES_TO_HALF, r"(?:um )?{n}(?: minuten)? vor halb {h}(?: uhr)?"),
        (ClockKind.HALF_TO, r"(?:um |gegen )?halb {h}(?: uhr)?"),
        (ClockKind.QUARTER_BEFORE, r"(?:um |gegen )?dreiviertel {h}(?: uhr)?"),
        (ClockKind.QUARTER_TO, r"(?:um |gegen )?viertel vor {h}(?: uhr)?"),
        (ClockKind.QUARTER_PAST, r"(?:um |gegen )?viertel nach {h}(?: uhr)?"),
        (ClockKind.QUARTER_PAST, r"(?:um |gegen )?(?P<previous>viertel) {h}(?: uhr)?"),
        (ClockKind.MINUTES_PAST, r"(?:um )?{n}(?: minuten)? nach {h}(?: uhr)?"),
        (ClockKind.MINUTES_TO, r"(?:um )?{n}(?: minuten)? vor {h}(?: uhr)?"),
        (ClockKind.AFTER, r"(?:ab|nach|fruhestens(?: um)?) {h}(?:[:.]{m})?(?: uhr(?: {m2})?)?"),
        (ClockKind.BEFORE, r"(?:vor|bis|spatestens(?: um)?) {h}(?:[:.]{m})? uhr"),
        (ClockKind.ABOUT, r"(?:gegen|etwa um|so um) {h}(?:[:.]{m})?(?: uhr)?"),
        (ClockKind.ABOUT, r"(?:ca|circa) {h}(?:[:.]{m})? uhr"),
        (ClockKind.MIDNIGHT, r"(?:um |gegen )?mitternacht"),
        (ClockKind.AT, r"(?:um )?{h}(?:[:.]{m})? uhr(?: {m2})?"),
        (ClockKind.AT, r"(?:um )?{h}:{m}"),
        (ClockKind.AT, r"(?:um )?{h} ?h ?{m}"),
        (ClockKind.AT, r"um {h}(?:[:.]{m})?(?! ?(?:personen|leute|euro))"),
    ),
    durations=(
        (DurationKind.HOURS_AND_HALF, r"(?:anderthalb|eineinhalb) ?(?:stunden|std\.?|h)"),
        (DurationKind.HOURS_AND_HALF, r"{n} ?einhalb ?(?:stunden|std\.?|h)"),
        (DurationKind.HOURS_RANGE, r"{n} ?(?:-|bis|oder) ?{n2} ?(?:stunden|std|h)"),
        (DurationKind.HALF_HOUR, r"(?:eine )?halbe stunde|halbstunde"),
        (
            DurationKind.HOURS,
            r"(?:fur )?(?P<n>\d{1,2}(?:[.,]\d{1,2})?) ?(?:stunden?|std\.?|h)"
            r"(?:(?: und)? ?(?P<minutes>\d{1,2}) ?(?:minuten|min\.?))?",
        ),
        (DurationKind.MINUTES, r"(?:fur )?{n} ?(?:minuten|min\.?)"),
        (DurationKind.HOURS, r"(?:fur )?eine stunde"),
    ),
    parties=(
        (PartyKind.WITH_SPEAKER, r"ich (?:und|mit|plus) (?:meine |meinen )?{n} ?[a-z]*"),
        (PartyKind.WITH_SPEAKER, r"{n} (?:freunde|leute|personen|andere) und ich"),
        (PartyKind.RANGE, rf"(?:fur )?{{n}} ?(?:-|bis|oder) ?{{n2}}(?: {_PEOPLE})"),
        (PartyKind.RANGE, r"(?:fur|zu|sind) {n} ?(?:-|bis|oder) ?{n2}"),
        (PartyKind.ROUGH, rf"(?:fur )?{_ROUGH} (?:ein (?P<dozen>dutzend)|{{n}})(?: {_PEOPLE})?"),
        (PartyKind.ROUGH, rf"(?:fur )?ein (?P<dozen>dutzend)(?: {_PEOPLE})?"),
        (PartyKind.EXACT, rf"(?:fur |zu )?{{n}} (?:[a-z]+ )?{_PEOPLE}"),
        (PartyKind.EXACT, rf"(?:fur )?(?P<one>ein|eine|einen) {_PEOPLE}"),
        (PartyKind.EXACT, r"zu {n}(?:\.|t)?"),
        (PartyKind.EXACT, r"(?:uns|wir) {n}"),
        (PartyKind.EXACT, r"gruppe (?:von|mit|zu) {n}"),
        (PartyKind.EXACT, r"(?:wir sind|wir waren|wir werden|sind wir|sind) (?:zu )?{n}"),
        (PartyKind.EXACT, r"fur {n}(?! ?(?:uhr|stunden?|minuten|tage|wochen|euro|std))"),
    ),
    budgets=(
        r"(?:budget|hochstens|maximal|max)(?: (?:von|ist|etwa))? {amount}"
        r"(?! ?(?:personen|leute|pers|uhr|stunden?|std|minuten|min|:|\.|-))",
    ),
    per_person=r"(?:pro person|pro kopf|pro nase|p\.? ?p\.?)",
    per_hour=r"(?:pro stunde|die stunde|/ ?h|/ ?std)",
    zones=(r"{cities} zeit", r"{city} zeit"),
    cautions=(
        r"nicht|kein|keinen|ausser|jede[nrsm]?|letzte[nrsm]?|vorige[nrsm]?|oder|wochen?|monate?n?"
        r"|tagen?|danach|davor|vor|nach|(?:bis|seit|ab|als) (?:dem |den |zum )?;|\d+\.|{longmonth}"
    ),
    vague_days=frozenset({8, 15}),
)
