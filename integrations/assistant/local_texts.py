"""What the local assistant says, in the four languages."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from babel import Locale
from babel.dates import format_skeleton, format_time
from babel.numbers import format_currency, format_percent

from domain.assistant.phrases.requests import Reading

_ENGLISH: Final = {
    "hello": "Hello! I can look up free times, prices, opening hours and your bookings, and "
    "prepare a booking, a move or a cancellation for you to confirm.",
    "thanks": "You're welcome!",
    "which_time": "Which one do you mean?",
    "times": "These times are free:",
    "other_times": "That time isn't free. These are:",
    "choose": "Which one shall I prepare?",
    "none_free": "I found no free time for that. Does another date suit you?",
    "proposed": "I've prepared it: {what}. Nothing is booked until you confirm it.",
    "move_proposed": "I've prepared the move: {what}. Nothing changes until you confirm it.",
    "cancel_proposed": "I've prepared the cancellation of {what}. Nothing changes until you "
    "confirm it.",
    "ticket_proposed": "I don't know that. I've prepared a message to a person at the venue: "
    "confirm it, and they'll answer you.",
    "person": "I've prepared a message to a person at the venue: confirm it, and they'll answer "
    "you.",
    "no_ticket": "I don't know that.",
    "bookings": "These are the bookings:",
    "no_bookings": "I found no bookings.",
    "which_booking": "Which one do you mean, by its reference?",
    "log_in": "Please log in, or use the link in your confirmation: then I can see your bookings.",
    "new_time": "To which date and time shall I move {what}?",
    "hours": "Opening hours:",
    "closed": "closed",
    "rates": "Prices an hour:",
    "no_rates": "The rooms have no fixed price.",
    "free": "{what} is free.",
    "because": "{what} can't be booked:",
    "which_room": "Which room do you mean, and what date and time?",
    "figures": "{what}: {bookings} bookings, {cancelled} of them cancelled; booked for "
    "{booked_value}",
    "occupancy": "; occupancy {share}",
    "failed": "That didn't work: {message}",
    "wished_time": "at the time you wished",
    "wished_room": "the room you wished",
    "cheapest": "the lowest price of these",
    "more": "There are more.",
}
_GERMAN: Final = {
    "hello": "Hallo! Ich kann freie Zeiten, Preise, Öffnungszeiten und Ihre Buchungen nachsehen, "
    "und eine Buchung, Verschiebung oder Stornierung vorbereiten, die Sie bestätigen.",
    "thanks": "Gern geschehen!",
    "which_time": "Was davon meinen Sie?",
    "times": "Diese Zeiten sind frei:",
    "other_times": "Diese Zeit ist nicht frei. Frei sind:",
    "choose": "Welche soll ich vorbereiten?",
    "none_free": "Dafür habe ich nichts Freies gefunden. Passt Ihnen ein anderer Tag?",
    "proposed": "Ich habe es vorbereitet: {what}. Gebucht ist erst, wenn Sie bestätigen.",
    "move_proposed": "Ich habe die Verschiebung vorbereitet: {what}. Sie gilt erst, wenn Sie "
    "bestätigen.",
    "cancel_proposed": "Ich habe die Stornierung von {what} vorbereitet. Sie gilt erst, wenn Sie "
    "bestätigen.",
    "ticket_proposed": "Das weiß ich nicht. Ich habe eine Nachricht an das Team vorbereitet: "
    "bestätigen Sie sie, dann antwortet Ihnen ein Mensch.",
    "person": "Ich habe eine Nachricht an das Team vorbereitet: bestätigen Sie sie, dann antwortet "
    "Ihnen ein Mensch.",
    "no_ticket": "Das weiß ich nicht.",
    "bookings": "Das sind die Buchungen:",
    "no_bookings": "Ich habe keine Buchungen gefunden.",
    "which_booking": "Welche Buchungsnummer meinen Sie?",
    "log_in": "Bitte melden Sie sich an, oder nutzen Sie den Link in Ihrer Bestätigung: dann sehe "
    "ich Ihre Buchungen.",
    "new_time": "Auf welchen Tag und welche Uhrzeit soll ich {what} verschieben?",
    "hours": "Öffnungszeiten:",
    "closed": "geschlossen",
    "rates": "Preise pro Stunde:",
    "no_rates": "Die Räume haben keinen festen Preis.",
    "free": "{what} ist frei.",
    "because": "{what} ist nicht buchbar:",
    "which_room": "Welchen Raum meinen Sie, und welchen Tag und welche Uhrzeit?",
    "figures": "{what}: {bookings} Buchungen, davon {cancelled} storniert; gebucht für "
    "{booked_value}",
    "occupancy": "; Auslastung {share}",
    "failed": "Das ging nicht: {message}",
    "wished_time": "zur gewünschten Zeit",
    "wished_room": "der gewünschte Raum",
    "cheapest": "davon am günstigsten",
    "more": "Es gibt weitere.",
}
_SPANISH: Final = {
    "hello": "¡Hola! Puedo consultar horas libres, precios, horarios y sus reservas, y preparar "
    "una reserva, un cambio o una cancelación para que usted la confirme.",
    "thanks": "¡De nada!",
    "which_time": "¿A cuál se refiere?",
    "times": "Estas horas están libres:",
    "other_times": "Esa hora no está libre. Estas sí:",
    "choose": "¿Cuál preparo?",
    "none_free": "No he encontrado nada libre. ¿Le va bien otro día?",
    "proposed": "Lo he preparado: {what}. No se reserva nada hasta que usted lo confirme.",
    "move_proposed": "He preparado el cambio: {what}. No cambia nada hasta que usted lo confirme.",
    "cancel_proposed": "He preparado la cancelación de {what}. No cambia nada hasta que usted la "
    "confirme.",
    "ticket_proposed": "No lo sé. He preparado un mensaje para el equipo: confírmelo y una persona "
    "le responderá.",
    "person": "He preparado un mensaje para el equipo: confírmelo y una persona le responderá.",
    "no_ticket": "No lo sé.",
    "bookings": "Estas son las reservas:",
    "no_bookings": "No he encontrado reservas.",
    "which_booking": "¿A cuál se refiere, por su referencia?",
    "log_in": "Inicie sesión o use el enlace de su confirmación: así puedo ver sus reservas.",
    "new_time": "¿A qué día y hora cambio {what}?",
    "hours": "Horario:",
    "closed": "cerrado",
    "rates": "Precios por hora:",
    "no_rates": "Las salas no tienen precio fijo.",
    "free": "{what} está libre.",
    "because": "{what} no se puede reservar:",
    "which_room": "¿Qué sala, y qué día y hora?",
    "figures": "{what}: {bookings} reservas, {cancelled} canceladas; reservado por {booked_value}",
    "occupancy": "; ocupación {share}",
    "failed": "No ha sido posible: {message}",
    "wished_time": "a la hora deseada",
    "wished_room": "la sala deseada",
    "cheapest": "el precio más bajo de estos",
    "more": "Hay más.",
}
_FRENCH: Final = {
    "hello": "Bonjour ! Je peux chercher des créneaux libres, des prix, les horaires et vos "
    "réservations, et préparer une réservation, un changement ou une annulation à confirmer.",
    "thanks": "Je vous en prie !",
    "which_time": "Lequel voulez-vous dire ?",
    "times": "Ces créneaux sont libres :",
    "other_times": "Ce créneau n'est pas libre. Ceux-ci le sont :",
    "choose": "Lequel dois-je préparer ?",
    "none_free": "Je n'ai rien trouvé de libre. Un autre jour vous conviendrait-il ?",
    "proposed": "C'est préparé : {what}. Rien n'est réservé avant votre confirmation.",
    "move_proposed": "J'ai préparé le changement : {what}. Rien ne change avant votre "
    "confirmation.",
    "cancel_proposed": "J'ai préparé l'annulation de {what}. Rien ne change avant votre "
    "confirmation.",
    "ticket_proposed": "Je ne sais pas. J'ai préparé un message à l'équipe : confirmez-le, et une "
    "personne vous répondra.",
    "person": "J'ai préparé un message à l'équipe : confirmez-le, et une personne vous répondra.",
    "no_ticket": "Je ne sais pas.",
    "bookings": "Voici les réservations :",
    "no_bookings": "Je n'ai trouvé aucune réservation.",
    "which_booking": "De laquelle s'agit-il, par sa référence ?",
    "log_in": "Connectez-vous, ou utilisez le lien de votre confirmation : je verrai alors vos "
    "réservations.",
    "new_time": "À quel jour et quelle heure dois-je déplacer {what} ?",
    "hours": "Horaires :",
    "closed": "fermé",
    "rates": "Prix par heure :",
    "no_rates": "Les salles n'ont pas de prix fixe.",
    "free": "{what} est libre.",
    "because": "{what} ne peut pas être réservé :",
    "which_room": "Quelle salle, quel jour et à quelle heure ?",
    "figures": "{what} : {bookings} réservations, dont {cancelled} annulées ; réservé pour "
    "{booked_value}",
    "occupancy": " ; occupation {share}",
    "failed": "Cela n'a pas marché : {message}",
    "wished_time": "à l'heure souhaitée",
    "wished_room": "la salle souhaitée",
    "cheapest": "le prix le plus bas d'entre eux",
    "more": "Il y en a d'autres.",
}
_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": _ENGLISH,
    "de": _GERMAN,
    "es": _SPANISH,
    "fr": _FRENCH,
}


def is_offer(text: str) -> bool:
    """Returns whether an earlier answer offered times to choose from, in any language."""
    return any(each["choose"] in text for each in _TEXTS.values())


def is_proposal(text: str) -> bool:
    """Returns whether an earlier answer proposed a booking, in any language."""
    return any(text.startswith(each["proposed"].partition("{")[0]) for each in _TEXTS.values())


class Words:
    """The texts, dates and amounts of one language."""

    def __init__(self, language: str, locale: str) -> None:
        self._texts = _TEXTS[language]
        tag = locale.replace("_", "-")
        same = tag.partition("-")[0].lower() == language
        try:
            self._locale = Locale.parse(tag if same else language, sep="-")
        except ValueError:
            self._locale = Locale(language)

    def text(self, key: str, **values: object) -> str:
        """Returns a text with its values filled in."""
        return self._texts[key].format(**values) if values else self._texts[key]

    def date(self, day: date) -> str:
        """Returns 'Fri, Dec 4'."""
        return format_skeleton("MMMEd", day, locale=self._locale)

    def moment(self, local: datetime) -> str:
        """Returns 'Fri, Dec 4, 7:00 PM'."""
        return f"{self.date(local.date())}, {format_time(local, 'short', locale=self._locale)}"

    def money(self, amount: str) -> str:
        """Returns '$76.00' for '76.00 USD'."""
        number, _, code = amount.partition(" ")
        try:
            return format_currency(Decimal(number), code, locale=self._locale)
        except (InvalidOperation, ValueError):
            return amount

    def percent(self, share: float) -> str:
        """Returns '53%' for 0.532."""
        return format_percent(share, locale=self._locale)

    def reading(self, reading: Reading) -> str:
        """Returns one way to read when a booking is to be."""
        dates, start = reading.dates, reading.start
        shown = [self.date(dates.first)] if dates else []
        if dates and dates.last != dates.first:
            shown = [f"{self.date(dates.first)} – {self.date(dates.last)}"]  # noqa: RUF001
        if start:
            at = datetime(2000, 1, 1, start.minutes // 60 % 24, start.minutes % 60)  # noqa: DTZ001
            shown.append(format_time(at, "short", locale=self._locale))
        return ", ".join(shown)
