"""How people ask for bookings in Spanish."""

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
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
    "dieciseis diecisiete dieciocho diecinueve"
)
_TENS: Final = tens("treinta cuarenta cincuenta sesenta setenta ochenta noventa", first=30)
_TWENTIES: Final = {f"veinti{word}": 20 + unit for word, unit in _UNITS.items() if 0 < unit < 10}
_PEOPLE: Final = (
    "(?:personas?|gente|adultos?|amigos|amigas|invitados|comensales|pers|chicos|chicas|plazas|"
    "ninos)"
)
_ROUGH: Final = "(?:como|unos|unas|aproximadamente|alrededor de|cerca de|mas o menos|quizas|casi)"
_AT: Final = "(?:a las? |a eso de las? |sobre las? |hacia las? )"

SPANISH: Final = Grammar(
    language="es",
    weekdays=counted("lunes martes miercoles jueves viernes sabado domingo"),
    months=counted(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        first=1,
    )
    | {"setiembre": 9, "sept": 9, "ene": 1, "feb": 2, "abr": 4, "ago": 8}
    | {"oct": 10, "nov": 11, "dic": 12},
    named_days={"hoy": 0, "manana": 1, "pasado manana": 2, "ayer": -1, "anteayer": -2},
    holidays={
        "nochevieja": (12, 31),
        "fin de ano": (12, 31),
        "ano nuevo": (1, 1),
        "nochebuena": (12, 24),
        "navidad": (12, 25),
        "san valentin": (2, 14),
        "halloween": (10, 31),
    },
    numbers=combined([*_UNITS], _TENS, " y ") | _TWENTIES | {"veinte": 20, "veintiun": 21},
    ordinals={"primero": 1, "primer": 1, "segundo": 2, "tercer": 3},
    units={
        "dia": "day",
        "dias": "day",
        "semana": "week",
        "semanas": "week",
        "mes": "month",
        "meses": "month",
        "fin de semana": "weekend",
        "finde": "weekend",
    },
    common=(
        "el la los las un una unos para a al de del en y o somos estamos seremos soy es mi nos "
        "puedo podemos podria quiero queremos quisiera reservar reserva mesa sala proximo proxima "
        "este esta desde hasta entre despues antes media cuarto menos mediodia medianoche noche "
        "tarde hora horas minutos personas gente libre hay por favor tienen tiene hola buenas que "
        "cuando como quien cual con sobre cambiar mover cancelar abierto abren horario cuesta "
        "precio gracias no tal mis llevar viene"
    ),
    rewrites=(
        (r"(?<!las )(?<!la )(?<!y )(?<!a )\b(\d{1,2}) de la (tarde|noche)", r"a las \1 de la \2"),
        (r"\bmediodia\b|\bmedio dia\b", "mediodia"),
        (r"\bmedia noche\b", "medianoche"),
        (r"\besta noche\b", "hoy noche"),
        (r"\besta tarde\b", "hoy tarde"),
        (r"\besta manana\b", "hoy por la matina"),
        (r"\b(?:por|de|en|a) la (?:manana|matina)\b", "por la matina"),
        (r"\b(?:de la )?madrugada\b", "por la matina"),
        (r"\blun\b\.?", "lunes"),
        (r"\bmar\.", "martes"),
        (r"\bmie\b\.?", "miercoles"),
        (r"\bjue\b\.?", "jueves"),
        (r"\bvie\b\.?", "viernes"),
        (r"\bsab\b\.?", "sabado"),
        (r"\bdom\.", "domingo"),
        (r"\bun par de (horas|personas)\b", r"2 \1"),
    ),
    dates=(
        (DateKind.HOLIDAY, r"(?:en |el |el dia de )?{holiday}"),
        (DateKind.LAST, r"(?:el |la )?{period} pasad[oa]|(?:el |la )?ultim[oa] {period2}"),
        (DateKind.NTH_WEEKDAY, r"(?:el )?{day} {weekday} de {month}"),
        (
            DateKind.WITHIN,
            r"(?:en|durante) (?:las|los) (?:proxim[oa]s )?{n} (?:proxim[oa]s )?{unit}",
        ),
        (
            DateKind.WEEKDAY_AHEAD,
            r"no (?:este |el )?{weekday}(?: ;)? sino (?:el )?(?:siguiente|proximo|otro)",
        ),
        (
            DateKind.DAY_RANGE,
            r"(?:del?|entre el|desde el) {day}(?: de {month})? (?:al?|y el|hasta el) {day2} de "
            r"{month2}(?: del? {year})?",
        ),
        (DateKind.DAY_MONTH, r"(?:el )?(?:dia )?{day} (?:de )?{month}(?:,? (?:del? )?{year})?"),
        (DateKind.WEEKDAY_AHEAD, r"{weekday} (?:dentro de|en) (?:{n} semanas|una semana)"),
        (
            DateKind.AHEAD,
            r"(?:de hoy )?(?:en|dentro de|de aqui a) (?:{n}|una?) {unit}(?! de semana)",
        ),
        (DateKind.AFTER_NEXT, r"(?:el |la )?{period} (?:siguiente al proximo|despues del proximo)"),
        (
            DateKind.NEXT,
            r"(?:el |la )?proxim[oa] {period}|(?:el |la )?{period2} (?:que viene|proxim[oa]"
            r"|siguiente|entrante)",
        ),
        (DateKind.THIS, r"est[ea] {period}|el {unit}(?<=semana|.finde)"),
        (DateKind.NAMED_DAY, r"{named}"),
        (
            DateKind.DAY_OF_MONTH,
            r"(?:el )?{weekday} (?:dia )?{day}(?! ?(?:personas|horas?|h|:|y|menos|de la))",
        ),
        (DateKind.WEEKDAY, r"(?:el |los )?{weekday}"),
        (DateKind.DAY_OF_MONTH, r"(?:el|el dia) {day}(?! ?(?:personas|horas|h|euros))"),
        (DateKind.MONTH, r"(?:en|de) {month}"),
    ),
    parts_of_day=(
        (PartOfDay.MORNING, r"por la matina"),
        (PartOfDay.TARDE, r"(?:(?:por|de|en|a) la )?tarde"),
        (PartOfDay.NIGHT, r"(?:(?:por|de|en|a) la )?noche"),
    ),
    clocks=(
        (
            ClockKind.BETWEEN,
            r"entre (?:las? )?{h}(?:[:.]{m})?(?: ?h(?:oras)?)? y (?:las? )?{h2}(?:[:.]{m2})?"
            r"(?: ?h(?:oras)?)?(?! personas)",
        ),
        (
            ClockKind.FROM_TO,
            r"(?:de|desde las?|de las?) {h}(?:[:.]{m})?(?: ?h(?:oras)?)? (?:a|hasta)(?: las?)? "
            r"{h2}(?:[:.]{m2})?(?: ?h(?:oras)?)?",
        ),
        (ClockKind.QUARTER_TO, rf"{_AT}?{{h}} menos (?:cuarto|15)"),
        (ClockKind.MINUTES_TO, rf"{_AT}{{h}} menos {{n}}"),
        (ClockKind.QUARTER_PAST, rf"{_AT}?{{h}} y cuarto"),
        (ClockKind.HALF_PAST, rf"{_AT}{{h}} y media"),
        (ClockKind.MINUTES_PAST, rf"{_AT}{{h}} y {{n}}"),
        (
            ClockKind.AFTER,
            r"(?:despues de las?|desde las?|a partir de las?) {h}(?:[:.]{m})?(?: ?h(?:oras)?)?",
        ),
        (
            ClockKind.BEFORE,
            r"(?:antes de las?|hasta las?) {h}(?:[:.]{m})?(?: ?h(?:oras)?)?",
        ),
        (
            ClockKind.ABOUT,
            r"(?:sobre las?|hacia las?|alrededor de las?|a eso de las?) {h}(?:[:.]{m})?"
            r"(?: ?h(?:oras)?)?",
        ),
        (ClockKind.NOON, r"(?:al? )?mediodia"),
        (ClockKind.MIDNIGHT, r"(?:a |a la )?medianoche"),
        (ClockKind.AT, rf"{_AT}{{h}}(?:[:.h]{{m}})?(?: ?h(?:oras)?)?"),
        (ClockKind.AT, r"a la una"),
        (ClockKind.AT, r"{h}:{m}(?: ?h(?:oras)?)?"),
    ),
    durations=(
        (DurationKind.HOURS_AND_HALF, r"(?:una )?hora y media"),
        (DurationKind.HOURS_AND_HALF, r"{n} horas y media"),
        (DurationKind.HALF_HOUR, r"media hora"),
        (DurationKind.HOURS_RANGE, r"{n} ?(?:-|o|a) ?{n2} ?(?:horas|h)"),
        (
            DurationKind.HOURS,
            r"(?:por |durante )?(?P<n>\d{1,2}(?:[.,]\d{1,2})?) ?(?:horas?|hrs?|h)"
            r"(?:(?: y)? ?(?P<minutes>\d{1,2}) ?(?:minutos|min))?",
        ),
        (DurationKind.MINUTES, r"(?:por |durante )?{n} ?(?:minutos?|min)"),
        (DurationKind.HOURS, r"(?:por |durante )?una hora"),
    ),
    parties=(
        (PartyKind.WITH_SPEAKER, r"yo (?:y|con|mas) (?:mis )?{n} ?[a-z]*"),
        (PartyKind.WITH_SPEAKER, r"{n} [a-z]+ y yo"),
        (PartyKind.RANGE, rf"(?:para |somos )?{{n}} ?(?:-|o|a) ?{{n2}}(?: {_PEOPLE})"),
        (PartyKind.RANGE, r"(?:para|somos|seremos) {n} ?(?:-|o|u) ?{n2}"),
        (
            PartyKind.ROUGH,
            rf"(?:para |somos |seremos )?{_ROUGH} (?:una (?P<dozen>docena)|{{n}})(?: {_PEOPLE})?",
        ),
        (
            PartyKind.ROUGH,
            rf"(?:para |somos |seremos )?una (?P<dozen>docena)(?: de)?(?: {_PEOPLE})?",
        ),
        (PartyKind.ROUGH, rf"una (?P<ten>decena)(?: de)?(?: {_PEOPLE})?"),
        (PartyKind.EXACT, rf"(?:para |somos |seremos )?{{n}} (?:[a-z]+ )?{_PEOPLE}"),
        (PartyKind.EXACT, r"(?:para )?(?P<one>una) persona"),
        (PartyKind.EXACT, r"(?:somos|seremos|estamos|vamos|iremos|seriamos) {n}"),
        (PartyKind.EXACT, r"(?:nosotros|nosotras|los|las) {n}"),
        (PartyKind.EXACT, r"grupo de {n}"),
        (PartyKind.EXACT, r"para {n}(?! ?(?:horas?|minutos|dias|semanas|euros|h\b))"),
        (PartyKind.EXACT, r"(?P<alone>solo yo|para mi solo|para mi sola)"),
    ),
    budgets=(
        r"(?:presupuesto|maximo|max)(?: (?:de|es))? {amount}"
        r"(?! ?(?:personas|pers|horas?|minutos|h|:|-))",
    ),
    per_person=r"(?:por persona|por cabeza|cada uno)",
    per_hour=r"(?:por hora|la hora|/ ?h)",
    zones=(r"(?:en )?hora de {cities}", r"(?:en )?hora de {city}"),
    cautions=(
        r"no|excepto|salvo|cada|todos|todas|pasad[oa]|ultim[oa]|o|u|semanas?|mes(?:es)?|dias"
        r"|siguiente|menos|antes|despues|(?:hasta|desde|a partir)(?: del?| el)? ;|{longmonth}"
    ),
    vague_days=frozenset({8, 15}),
)
