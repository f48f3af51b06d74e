"""How people ask for bookings in French."""

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
    "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
)
_TO_19: Final = [*_UNITS, "dix sept", "dix huit", "dix neuf"]
_TENS: Final = tens("vingt trente quarante cinquante soixante")
_AND_ONE: Final = {f"{word} et un": ten + 1 for ten, word in _TENS.items()}
_ABOVE: Final = {"soixante dix": 70, "quatre vingt": 80, "quatre vingts": 80} | {
    "quatre vingt dix": 90,
    "cent": 100,
}
_ABOUT: Final = {"dizaine": 10, "douzaine": 12, "quinzaine": 15, "vingtaine": 20, "trentaine": 30}
_WEEKDAYS: Final = counted("lundi mardi mercredi jeudi vendredi samedi dimanche")
_PEOPLE: Final = (
    "(?:personnes?|gens|adultes?|amis|amies|invites|convives|pers|places|enfants|copains|copines)"
)
_ROUGH: Final = "(?:environ|a peu pres|autour de|peut etre|pres de|quelque)"
_H: Final = r" ?h(?:eures?)?"
_AT: Final = "(?:a |vers )"

FRENCH: Final = Grammar(
    language="fr",
    weekdays=_WEEKDAYS,
    months=counted(
        "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
        first=1,
    )
    | {"janv": 1, "fevr": 2, "avr": 4, "juil": 7, "sept": 9}
    | {"oct": 10, "nov": 11, "dec": 12},
    named_days={
        "aujourd'hui": 0,
        "demain": 1,
        "apres demain": 2,
        "hier": -1,
        "avant hier": -2,
    },
    holidays={
        "reveillon du nouvel an": (12, 31),
        "saint sylvestre": (12, 31),
        "nouvel an": (12, 31),
        "jour de l'an": (1, 1),
        "reveillon de noel": (12, 24),
        "veille de noel": (12, 24),
        "noel": (12, 25),
        "saint valentin": (2, 14),
        "halloween": (10, 31),
    },
    numbers={
        word: number
        for word, number in (combined(_TO_19, _TENS, " ") | _AND_ONE | _ABOVE).items()
        if word != "un"
    },
    ordinals={"premier": 1, "deuxieme": 2, "troisieme": 3, "quatrieme": 4},
    units={
        "jour": "day",
        "jours": "day",
        "semaine": "week",
        "semaines": "week",
        "mois": "month",
        "weekend": "weekend",
        "week end": "weekend",
    },
    common=(
        "le la les un une des pour a au aux de du en et ou nous je est sommes suis mon ma on puis "
        "peux pouvons voudrais voudrions aimerais reserver reservation table salle prochain "
        "prochaine ce cet cette entre apres avant demie quart moins midi minuit soir matin nuit "
        "heure heures minutes personnes gens libre avez vous s'il plait bonjour bonsoir salut que "
        "quand comment qui quel quelle avec vers deplacer annuler ouvert ouvrez horaires coute "
        "prix merci pas mes apporter allez sera serons y il"
    ),
    rewrites=(
        (r"\bweek end\b", "weekend"),
        (r"\bce soir\b", "aujourd'hui soir"),
        (r"\bcette nuit\b", "aujourd'hui nuit"),
        (r"\bce matin\b", "aujourd'hui matin"),
        (r"\bcet apres midi\b", "aujourd'hui apres midi"),
        (r"\bapres midi\b", "apresmidi"),
        (rf"\b({'|'.join(_WEEKDAYS)}|demain|aujourd'hui) midi\b", r"\1 dejeuner"),
        (r"\b(\d{1,2})( ?)h\2(\d\d)\b(?! ?(?:pers|gens|adultes|amis))", r"\1:\3 h"),
        (r"\blun\.", "lundi"),
        (r"\bmar\.", "mardi"),
        (r"\bmer\.", "mercredi"),
        (r"\bjeu\.", "jeudi"),
        (r"\bven\b\.?", "vendredi"),
        (r"\bsam\b\.?", "samedi"),
        (r"\bdim\.", "dimanche"),
    ),
    dates=(
        (DateKind.HOLIDAY, r"(?:a |le |au |la |l')?{holiday}"),
        (DateKind.LAST, r"(?:le |la )?{period} (?:derniere?|passee?)"),
        (DateKind.NTH_WEEKDAY, r"(?:le )?{day}er {weekday} (?:de|du mois de) {month}"),
        (DateKind.WITHIN, r"d'ici {n} {unit}|dans les {n2} (?:prochaine?s )?{unit2}"),
        (
            DateKind.WEEKDAY_AHEAD,
            r"pas (?:ce |le )?{weekday}(?: ;)? mais (?:le |celui )?(?:suivant|prochain|d'apres)",
        ),
        (
            DateKind.DAY_RANGE,
            r"(?:du|entre le) {day}(?:er)?(?: {month})? (?:au|et le) {day2} {month2}(?: {year})?",
        ),
        (DateKind.DAY_MONTH, r"(?:le )?{day}(?:er)? {month}(?: {year})?"),
        (DateKind.WEEKDAY_AHEAD, r"{weekday} (?:dans {n} semaines|dans une semaine|en 8)"),
        (DateKind.WEEKDAY_AHEAD, r"{weekday} en (?P<days>15)"),
        (DateKind.AHEAD, r"dans (?:{n}|une?) {unit}"),
        (DateKind.AFTER_NEXT, r"{period} (?:apres le prochain|d'apres)"),
        (DateKind.NEXT, r"(?:le |la )?{period} (?:prochaine?|qui vient|suivante?)"),
        (DateKind.NEXT, r"(?:le |la )?prochaine? {period}"),
        (DateKind.THIS, r"(?:ce|cette|cet) {period}|le {unit}(?<=weekend)"),
        (DateKind.NAMED_DAY, r"{named}"),
        (
            DateKind.DAY_OF_MONTH,
            r"(?:le )?{weekday} (?:le )?{day}(?:er)?(?! ?(?:personnes|pers|heures?|h|:))",
        ),
        (DateKind.WEEKDAY, r"(?:le )?{weekday}s?"),
        (DateKind.DAY_OF_MONTH, r"le {day}(?:er)?(?! ?(?:personnes|heures?|h|euros))"),
        (DateKind.MONTH, r"(?:en|de) {month}"),
    ),
    parts_of_day=(
        (PartOfDay.MORNING, r"(?:du |le |au |dans la )?(?:matin|matinee)"),
        (PartOfDay.NOON, r"dejeuner"),
        (PartOfDay.AFTERNOON, r"(?:de l'|l'|dans l')?apresmidi"),
        (PartOfDay.EVENING, r"(?:du |le |au |en |dans la )?(?:soir|soiree)"),
        (PartOfDay.NIGHT, r"(?:de la |la |dans la )?nuit"),
    ),
    clocks=(
        (
            ClockKind.BETWEEN,
            rf"entre (?:{{h}}(?::{{m}})?(?:{_H})?|(?P<noon>midi)) et {{h2}}(?::{{m2}})?(?:{_H})?"
            r"(?! personnes)",
        ),
        (
            ClockKind.FROM_TO,
            rf"de {{h}}(?::{{m}})?(?:{_H})? (?:a|jusqu'a) {{h2}}(?::{{m2}})?(?:{_H})(?! avant)",
        ),
        (ClockKind.FROM_TO, rf"{{h}}(?::{{m}})?(?:{_H})? ?- ?{{h2}}(?::{{m2}})?(?:{_H})"),
        (ClockKind.QUARTER_TO, rf"{_AT}?{{h}}{_H} moins (?:le |un )?(?:quart|15)"),
        (ClockKind.MINUTES_TO, rf"{_AT}?{{h}}{_H} moins {{n}}"),
        (ClockKind.QUARTER_PAST, rf"{_AT}?{{h}}{_H} et (?:un )?quart"),
        (ClockKind.HALF_PAST, rf"{_AT}{{h}}{_H} et demie?"),
        (ClockKind.AFTER, rf"(?:apres|a partir de|des) {{h}}(?::{{m}})?{_H}"),
        (ClockKind.BEFORE, rf"(?:avant|jusqu'a) {{h}}(?::{{m}})?{_H}(?! avant)"),
        (ClockKind.ABOUT, rf"(?:vers|autour de) {{h}}(?::{{m}})?(?:{_H})?"),
        (ClockKind.MINUTES_PAST, rf"a {{h}}{_H} {{n}}(?! (?:personnes|heures|minutes))"),
        (ClockKind.NOON, r"(?:a )?midi"),
        (ClockKind.MIDNIGHT, r"(?:a )?minuit"),
        (ClockKind.AT, rf"a {{h}}(?::{{m}})?{_H}(?! avant)"),
        (ClockKind.AT, r"a une heure"),
        (ClockKind.AT, r"(?:a )?{h}:{m}(?: h)?"),
        (ClockKind.AT, r"(?:a )?(?P<h>0[0-9]|[6-9]|1\d|2[0-4]) ?h(?:eures)?(?! avant)"),
    ),
    durations=(
        (DurationKind.HOURS_AND_HALF, r"(?:pendant |pour |durant )?(?:une )?heure et demie"),
        (DurationKind.HOURS_AND_HALF, r"(?:pendant |pour |durant )?{n} heures et demie"),
        (DurationKind.HOURS_RANGE, r"{n} ?(?:-|ou|a) ?{n2} ?(?:heures|h)"),
        (DurationKind.HALF_HOUR, r"(?:une )?demi heure"),
        (
            DurationKind.HOURS,
            r"(?:pendant |pour |durant )?(?P<n>\d{1,2}(?:[.,]\d{1,2})?) ?(?:heures?|h)"
            r"(?:(?: et)? ?(?P<minutes>\d{1,2}) ?(?:minutes|min))?",
        ),
        (DurationKind.MINUTES, r"(?:pendant |pour |durant )?{n} ?(?:minutes?|min|mn)"),
        (DurationKind.HOURS, r"(?:pendant |pour |durant )?une heure"),
    ),
    parties=(
        (PartyKind.WITH_SPEAKER, r"moi (?:et|avec|plus) (?:mes )?{n} ?[a-z]*"),
        (PartyKind.WITH_SPEAKER, r"{n} [a-z]+ et moi"),
        (PartyKind.RANGE, rf"(?:pour )?{{n}} ?(?:-|ou|a) ?{{n2}}(?: {_PEOPLE})"),
        (PartyKind.RANGE, r"(?:pour|sommes|serons) {n} ?(?:-|ou) ?{n2}"),
        (PartyKind.ROUGH, rf"(?:pour )?{_ROUGH} (?:{{n}})(?: {_PEOPLE})?"),
        *(
            (PartyKind.ROUGH, rf"(?:pour )?une (?P<about{number}>{word})(?: de {_PEOPLE})?")
            for word, number in _ABOUT.items()
        ),
        (PartyKind.EXACT, rf"(?:pour |a )?{{n}} (?:[a-z]+ )?{_PEOPLE}"),
        (PartyKind.EXACT, r"(?:pour )?(?P<one>une) personne"),
        (PartyKind.EXACT, r"(?:nous sommes|nous serons|on est|on sera|serons|sommes) (?:a )?{n}"),
        (PartyKind.EXACT, r"nous {n}"),
        (PartyKind.EXACT, r"groupe de {n}"),
        (PartyKind.EXACT, r"(?:pour|a) {n}(?! ?(?:heures?|minutes|min|jours|semaines|euros|h|:))"),
        (PartyKind.EXACT, r"(?P<alone>moi seule?|pour moi)"),
    ),
    budgets=(
        r"(?:budget|maximum|max)(?: (?:de|est))? {amount}"
        r"(?! ?(?:personnes|pers|heures?|minutes|h|:|-))",
    ),
    per_person=r"(?:par personne|par tete|chacun)",
    per_hour=r"(?:par heure|de l'heure|l'heure|/ ?h)",
    zones=(r"(?:a l')?heure (?:de |d')?{cities}", r"(?:a l')?heure (?:de |d')?{city}"),
    cautions=(
        r"pas|sauf|chaque|tous|toutes|derniere?|passee?|ou|semaines?|mois|jours|suivante?"
        r"|avant|apres|en (?:8|15)|(?:jusqu'a|jusqu'au|depuis|a partir)(?: du?| de| le)? ;"
        r"|{longmonth}"
    ),
    vague_days=frozenset({8, 15}),
)
