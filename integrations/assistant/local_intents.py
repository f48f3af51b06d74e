"""What a message is about: its intent, by words of the four languages."""

import re
from enum import StrEnum
from typing import Final

from domain.assistant.phrases.text import prepared


class Intent(StrEnum):
    """What a person wants from the assistant."""

    PERSON = "a person to talk to"
    CANCEL = "to cancel a booking"
    MOVE = "to move a booking"
    ARRIVALS = "who comes on a date"
    BOOKINGS = "their bookings"
    WHY = "why a time can't be booked"
    HOURS = "opening hours"
    FIGURES = "figures of the venue"
    PRICE = "prices"
    GREETING = "to say hello"
    THANKS = "to say thank you"
    TIMES = "free times, or a booking"
    QUESTION = "an answer to something else"


# A reference, of which a prepared text may lack the hyphen.
_CODE: Final = r"(?=[a-z0-9]{0,3}\d|[a-z0-9]{4}[- ][a-z0-9]{0,3}\d)[a-z0-9]{4}[- ][a-z0-9]{4}"
# In the order in which they are tried.
_PATTERNS: Final = {
    Intent.PERSON: (
        r"(?:real|actual) (?:person|human)|(?:speak|talk) (?:to|with)|a human|call me|complain|"
        r"mitarbeiter|ansprechpartner|mit (?:einem menschen|jemandem)|beschwer\w*|hablar con|"
        r"persona real|agente|parler (?:a|avec)|un humain|conseiller|reclamation"
    ),
    Intent.CANCEL: (
        rf"cancel(?:led)? (?:my|the|this|our|it|booking|{_CODE})|cancel$|stornier\w*|absagen|"
        rf"sagen? .* ab$|(?:cancel[aeo]r?|anul[aeo]r?) (?:mi|la|nuestra|{_CODE})|anular|"
        rf"annule[rz]? (?:ma|la|notre|{_CODE})"
    ),
    Intent.MOVE: (
        r"move|reschedul\w*|postpone|change (?:my|the|our) (?:booking|reservation|time)|"
        r"verschieb\w*|umbuch\w*|verlegen|"
        r"(?:cambi[aeo]r?|mover|muev[aeo]|apla(?:zar?|ce)|pas(?:ar?|e)) (?:mi|la|nuestra|"
        rf"{_CODE})|(?:deplac|decal|report|chang)e[rz]? (?:ma|la|notre|{_CODE})"
    ),
    Intent.ARRIVALS: (
        r"who(?:'s| is)? com(?:es|ing)|who has booked|arrivals|wer kommt|wer hat .*gebucht|"
        r"quien(?:es)? vienen?|qui vient|qui arrive"
    ),
    Intent.BOOKINGS: (
        r"(?:my|our) (?:\w+ )?(?:bookings?|reservations?)|"
        r"(?:meine|unsere)n? (?:\w+ )?(?:buchung|reservierung)(?:en)?|"
        r"(?:mis?|nuestras?) (?:\w+ )?reservas?|(?:ma|mes|notre|nos) (?:\w+ )?reservations?|"
        r"(?:which|what|how many) (?:bookings|reservations) do (?:i|we) have|"
        r"(?:welche|wie ?viele) (?:buchungen|reservierungen) (?:habe ich|haben wir)|"
        r"(?:que|cuantas) reservas (?:tengo|tenemos)|"
        r"(?:quelles|combien de) reservations (?:ai je|avons nous|j'ai|nous avons)"
    ),
    Intent.WHY: r"why|warum|wieso|weshalb|por que no|pourquoi",
    Intent.HOURS: (
        r"open|opening hours|closed?|closing|geoffnet|offnungszeiten|offen|geschlossen|"
        r"macht .* auf|abierto|abris|abren?|horario|cerrado|cierran?|ouverte?s?|"
        r"ouvrez|horaires|fermez?"
    ),
    Intent.FIGURES: (
        r"revenue|figures|turnover|occupancy|umsatz|auslastung|zahlen|ingresos|facturacion|"
        r"ocupacion|chiffre d'affaires|occupation|how many (?:bookings|reservations)|"
        r"wie ?viele (?:buchungen|reservierungen)|cuantas reservas|combien de reservations|"
        r"how (?:was|is) (?:last|this|the last) (?:week|month)|"
        r"wie (?:war|ist|lief|lauft) (?:letzte|diese|die letzte|der letzte)[rn]? (?:woche|monat)|"
        r"como (?:fue|va) (?:la|el|esta|este) (?:semana|mes)|"
        r"comment (?:etait|s'est passee?|va) (?:la|le|cette|ce) (?:semaine|mois)"
    ),
    Intent.PRICE: (
        r"price|prices|cost|costs|how much|preise?|kostet|kosten|teuer|precios?|cuesta|cuanto|"
        r"tarifas?|prix|coute|combien|tarifs?"
    ),
    Intent.THANKS: r"thanks|thank you|cheers|danke|dankeschon|gracias|merci",
    Intent.GREETING: (
        r"hello|hi|hey|good (?:morning|evening|afternoon)|hallo|guten (?:tag|morgen|abend)|moin|"
        r"servus|hola|buenos dias|buenas|bonjour|bonsoir|salut"
    ),
}
_COMPILED: Final = {
    intent: re.compile(rf"(?<!\w)(?:{pattern})(?!\w)") for intent, pattern in _PATTERNS.items()
}
_WANTS_BOOKING: Final = re.compile(
    r"(?<!\w)(?:book|reserve|i'?ll take|take|buche|buchen|reserviere|reservieren|nehme|nehmen|"
    r"reservar|reserva|quiero|me quedo|reserver|je prends|prenons)(?!\w)"
)
_ASKS_FREE: Final = re.compile(
    r"(?<!\w)(?:free|available|availability|frei|verfugbar|libres?|disponibles?|"
    r"(?:like|want|need|hatten?|mochten?|brauchen?|quisiera|necesito|necesitamos|voudrai[st]|"
    r"aimerai[st]) .*(?:room|table|raum|tisch|zimmer|sala|mesa|salle))(?!\w)"
)
_NEXT_BOOKING: Final = re.compile(
    r"(?<!\w)(?:next (?:booking|reservation)|nachsten? (?:buchung|reservierung)|"
    r"proxima reserva|prochaine reservation)(?!\w)"
)
_GOES_ON: Final = re.compile(
    r"(?:and|und|y(?! a t)|et|what about|how about|wie ist es|que tal)(?!\w)"
)
_ORDINALS: Final = (
    r"(?:the )?(?:first|1st)|(?:number |option )?1|(?:de[rnm] |das |die )?erste[nrs]?|"
    r"(?:el |la )?primer[oa]?|(?:le |la )?premiere?",
    r"(?:the )?(?:second|2nd)|(?:number |option )?2|(?:de[rnm] |das |die )?zweite[nrs]?|"
    r"(?:el |la )?segund[oa]|(?:le |la )?(?:deuxieme|seconde?)",
    r"(?:the )?(?:third|3rd)|(?:number |option )?3|(?:de[rnm] |das |die )?dritte[nrs]?|"
    r"(?:el |la )?tercer[oa]?|(?:le |la )?troisieme",
)
_CHOICES: Final = tuple(re.compile(rf"(?<!\w)(?:{each})(?!\w)") for each in _ORDINALS)
_REFERENCE: Final = re.compile(r"(?<![A-Za-z0-9])([A-Za-z0-9]{4}-[A-Za-z0-9]{4})(?![A-Za-z0-9])")


def intent_of(text: str, *, asks_for_booking: bool) -> Intent:
    """Returns what a message is about; ``asks_for_booking`` if a date, a party or the like is said.

    A greeting or thanks before something else doesn't count.
    """
    plain = prepared(text)
    for intent, pattern in _COMPILED.items():
        if intent in (Intent.THANKS, Intent.GREETING) and (
            asks_for_booking or len(plain.split()) > 4
        ):
            continue
        if pattern.search(plain):
            return intent
    if asks_for_booking or _WANTS_BOOKING.search(plain) or _ASKS_FREE.search(plain):
        return Intent.TIMES
    return Intent.QUESTION


def goes_on_from_before(text: str) -> bool:
    """Returns whether a message goes on with the last question, such as 'and on Sunday?'."""
    return _GOES_ON.match(prepared(text).strip(" ;")) is not None


def wants_booking(text: str) -> bool:
    """Returns whether a message asks to book, rather than what is free."""
    return _WANTS_BOOKING.search(prepared(text)) is not None


def choice_of(text: str) -> int | None:
    """Returns which of the offered entries a short message chooses, from 0 on."""
    plain = prepared(text)
    if len(plain.split()) > 6:
        return None
    found = [number for number, each in enumerate(_CHOICES) if each.search(plain)]
    return found[0] if len(found) == 1 else None


def asks_what_is_free(text: str) -> bool:
    """Returns whether a message asks for free times by their usual words."""
    return _ASKS_FREE.search(prepared(text)) is not None


def means_next(text: str) -> bool:
    """Returns whether a message speaks of the next booking."""
    return _NEXT_BOOKING.search(prepared(text)) is not None


def references_in(text: str) -> list[str]:
    """Returns the references of bookings in a text, such as 'D967-HBX2', each once."""
    found = dict.fromkeys(match[1].upper() for match in _REFERENCE.finditer(text))
    return [each for each in found if any(map(str.isdigit, each))]


def reference_in(text: str) -> str | None:
    """Returns the first reference of a booking in a text."""
    return next(iter(references_in(text)), None)
