"""Finds the columns of a file: by a mapping, by a known program, or by their usual headings."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.imports.imports import FileRefused, ImportFailure, ImportKind


class ImportField(StrEnum):
    """What a column is about; the value is stored."""

    NAME = "NAME"
    FIRST_NAME = "FIRST_NAME"
    LAST_NAME = "LAST_NAME"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    LOCALE = "LOCALE"
    NOTES = "NOTES"
    TAGS = "TAGS"
    DESCRIPTION = "DESCRIPTION"
    CATEGORY = "CATEGORY"
    CAPACITY = "CAPACITY"
    COLOR = "COLOR"
    BUFFER_BEFORE_MINUTES = "BUFFER_BEFORE_MINUTES"
    BUFFER_AFTER_MINUTES = "BUFFER_AFTER_MINUTES"
    HOURLY_RATE = "HOURLY_RATE"
    SEATS = "SEATS"
    EXTERNAL_ID = "EXTERNAL_ID"
    STATUS = "STATUS"
    ROOM = "ROOM"
    STARTS_AT = "STARTS_AT"
    ENDS_AT = "ENDS_AT"
    DATE = "DATE"
    START_TIME = "START_TIME"
    END_TIME = "END_TIME"
    DURATION_MINUTES = "DURATION_MINUTES"
    PARTY_SIZE = "PARTY_SIZE"


class ImportPreset(StrEnum):
    """A program whose files have known columns; the value is stored."""

    GOOGLE_CONTACTS = "GOOGLE_CONTACTS"
    OUTLOOK_CONTACTS = "OUTLOOK_CONTACTS"


F = ImportField

_OF_PEOPLE: Final = (F.NAME, F.FIRST_NAME, F.LAST_NAME, F.EMAIL, F.PHONE)
FIELDS: Final[Mapping[ImportKind, Sequence[ImportField]]] = {
    ImportKind.CUSTOMERS: (*_OF_PEOPLE, F.LOCALE, F.NOTES, F.TAGS),
    ImportKind.ROOMS: (
        F.NAME,
        F.DESCRIPTION,
        F.CATEGORY,
        F.CAPACITY,
        F.COLOR,
        F.BUFFER_BEFORE_MINUTES,
        F.BUFFER_AFTER_MINUTES,
        F.HOURLY_RATE,
        F.SEATS,
    ),
    ImportKind.BOOKINGS: (
        F.EXTERNAL_ID,
        F.STATUS,
        F.ROOM,
        F.STARTS_AT,
        F.ENDS_AT,
        F.DATE,
        F.START_TIME,
        F.END_TIME,
        F.DURATION_MINUTES,
        F.PARTY_SIZE,
        *_OF_PEOPLE,
        F.NOTES,
    ),
}
"""The fields that each kind of import has."""

_HEADINGS: Final[Mapping[ImportField, str]] = {
    F.NAME: "name, full name, customer, customer name, client, client name, guest, guest name, "
    "kunde, gast, vollstandiger name, nombre completo, cliente, nombre y apellidos, nom complet, "
    "room name, raumname, nombre de la sala, nom de la salle",
    F.FIRST_NAME: "first name, given name, vorname, nombre, prenom",
    F.LAST_NAME: "last name, surname, family name, nachname, familienname, apellido, apellidos, "
    "nom, nom de famille",
    F.EMAIL: "email, email address, mail, e mail adresse, mailadresse, correo, "
    "correo electronico, courriel, adresse email, adresse mail",
    F.PHONE: "phone, phone number, mobile, mobile phone, cell, telephone, telefon, telefonnummer, "
    "handy, mobil, telefono, movil, telephone portable, portable",
    F.LOCALE: "locale, language, sprache, idioma, langue",
    F.NOTES: "notes, note, memo, comment, comments, notiz, notizen, bemerkung, bemerkungen, "
    "notas, nota, comentarios, remarques, commentaire",
    F.TAGS: "tags, labels, groups, schlagworter, etiquetas, etiquettes",
    F.DESCRIPTION: "description, beschreibung, descripcion",
    F.CATEGORY: "category, kategorie, categoria, categorie",
    F.CAPACITY: "capacity, max people, kapazitat, capacidad, aforo, capacite",
    F.COLOR: "color, colour, farbe, couleur",
    F.BUFFER_BEFORE_MINUTES: "buffer before, buffer before minutes, puffer davor",
    F.BUFFER_AFTER_MINUTES: "buffer after, buffer after minutes, puffer danach",
    F.HOURLY_RATE: "hourly rate, price per hour, stundenpreis, preis pro stunde, "
    "precio por hora, prix par heure",
    F.SEATS: "seats, sitzplatze, platze, asientos, plazas, places",
    F.EXTERNAL_ID: "reference, booking id, booking reference, appointment id, reservation id, "
    "confirmation number, uid, buchungsnummer, referenz, referencia, numero de reserva, "
    "numero de reservation",
    F.STATUS: "status, estado, statut",
    F.ROOM: "room, resource, calendar, location, raum, zimmer, ressource, kalender, sala, "
    "recurso, calendario, salle, calendrier",
    F.STARTS_AT: "starts at, start, start date time, start date and time, start datetime, begins "
    "at, beginn, inicio, debut",
    F.ENDS_AT: "ends at, end, end date time, end date and time, end datetime, ende, fin",
    F.DATE: "date, booking date, start date, datum, fecha",
    F.START_TIME: "start time, time, from, startzeit, uhrzeit, von, hora, hora de inicio, heure, "
    "heure de debut",
    F.END_TIME: "end time, until, to, endzeit, bis, hora de fin, heure de fin",
    F.DURATION_MINUTES: "duration, duration minutes, minutes, length, dauer, dauer minuten, "
    "duracion, duree",
    F.PARTY_SIZE: "party size, people, guests, number of people, persons, covers, personen, "
    "anzahl personen, personas, comensales, personnes, nombre de personnes",
}
"""The usual headings in English, German, Spanish and French, as ``heading_key`` returns them."""

_OF_PRESETS: Final[Mapping[ImportPreset, Mapping[ImportField, str]]] = {
    ImportPreset.GOOGLE_CONTACTS: {
        F.NAME: "name",
        F.FIRST_NAME: "first name, given name",
        F.LAST_NAME: "last name, family name",
        F.EMAIL: "e mail 1 value",
        F.PHONE: "phone 1 value",
        F.NOTES: "notes",
    },
    ImportPreset.OUTLOOK_CONTACTS: {
        F.FIRST_NAME: "first name",
        F.LAST_NAME: "last name",
        F.EMAIL: "e mail address",
        F.PHONE: "mobile phone, primary phone, home phone, business phone",
        F.NOTES: "notes",
    },
}


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """The heading of the column that has a field."""

    field: ImportField
    column: str


def heading_key(heading: str) -> str:
    """Returns a heading in small letters and digits, without accents: "e mail 1 value"."""
    letters = unicodedata.normalize("NFKD", heading.casefold())
    kept = "".join(each for each in letters if not unicodedata.combining(each))
    words = "".join(each if each.isalnum() else " " for each in kept).split()
    return " ".join(words)


def find_columns(
    headings: Sequence[str],
    kind: ImportKind,
    *,
    mapping: Sequence[ColumnMapping] = (),
    preset: ImportPreset | None = None,
) -> dict[ImportField, int]:
    """Returns the place of each field's column.

    A mapping comes first; fields without one are found by their usual headings, or only by those
    of the preset. Raises FileRefused if a mapped column isn't there.
    """
    places: dict[str, int] = {}
    for place, heading in enumerate(headings):
        places.setdefault(heading_key(heading), place)
    found: dict[ImportField, int] = {}
    for each in mapping:
        if heading_key(each.column) not in places:
            shown = ", ".join(repr(heading) for heading in headings[:30])
            problem = f"The file has no column '{each.column}'. Its columns are: {shown}."
            raise FileRefused(ImportFailure.MISSING_COLUMNS, problem)
        found[each.field] = places[heading_key(each.column)]
    known = _HEADINGS if preset is None else _OF_PRESETS[preset]
    for field in FIELDS[kind]:
        if field in found or field not in known:
            continue
        for name in known[field].split(", "):
            # "email" and "e mail" are the same word.
            known_place = places.get(name, places.get(name.replace("email", "e mail")))
            if known_place is not None and known_place not in found.values():
                found[field] = known_place
                break
    return found


def require_columns(found: Mapping[ImportField, int], *ways: Sequence[ImportField]) -> None:
    """Raises FileRefused unless all fields of one of several ways are there."""
    if any(all(field in found for field in way) for way in ways):
        return
    wanted = ", or ".join(" and ".join(way) for way in ways)
    problem = f"The file needs columns for {wanted}. Name the columns by `mapping`."
    raise FileRefused(ImportFailure.MISSING_COLUMNS, problem)
