"""What messages are about, in four languages."""

import pytest

from integrations.assistant.local_intents import (
    Intent,
    choice_of,
    intent_of,
    reference_in,
    wants_booking,
)

MESSAGES = {
    Intent.PERSON: [
        "Can I talk to a real person?",
        "Ich möchte mit einem Mitarbeiter sprechen",
        "Quiero hablar con una persona",
        "Je voudrais parler à quelqu'un",
    ],
    Intent.CANCEL: [
        "cancel my booking please",
        "Bitte stornieren Sie meine Buchung",
        "Quiero cancelar mi reserva",
        "Cancela AQ85-R630",
        "Annule AQ85-R630",
        "Je veux annuler ma réservation",
    ],
    Intent.MOVE: [
        "Can you move my booking to Sunday?",
        "I need to reschedule",
        "Kann ich meine Buchung verschieben?",
        "¿Puedo cambiar mi reserva al domingo?",
        "Je voudrais déplacer ma réservation",
        "Cambia mi reserva al viernes",
        "Déplace ma réservation à vendredi",
    ],
    Intent.ARRIVALS: [
        "Who is coming tonight?",
        "Wer kommt heute Abend?",
        "¿Quién viene esta noche?",
        "Qui vient ce soir ?",
    ],
    Intent.BOOKINGS: [
        "show my bookings",
        "Zeig mir meine nächsten Buchungen",
        "¿Cuáles son mis reservas?",
        "Quelles sont mes réservations ?",
        "Welche Buchungen habe ich?",
        "¿Qué reservas tengo?",
    ],
    Intent.WHY: [
        "Why can't I book on Friday?",
        "Warum geht Freitag nicht?",
        "¿Por qué no puedo reservar el viernes?",
        "Pourquoi vendredi n'est pas possible ?",
    ],
    Intent.HOURS: [
        "When do you open on Sundays?",
        "Wann habt ihr am Sonntag geöffnet?",
        "¿A qué hora abren el domingo?",
        "Quels sont vos horaires ?",
    ],
    Intent.FIGURES: [
        "What was our revenue last month?",
        "Wie hoch war der Umsatz?",
        "¿Cuáles fueron los ingresos?",
        "Quel est le chiffre d'affaires ?",
        "How was last week?",
        "¿Cuántas reservas tuvimos la semana pasada?",
        "Combien de réservations la semaine dernière ?",
    ],
    Intent.PRICE: [
        "How much is the Blue Room?",
        "Was kostet eine Stunde?",
        "¿Cuánto cuesta?",
        "Combien coûte la salle ?",
    ],
    Intent.GREETING: ["Hello!", "Guten Tag", "Hola", "Bonjour"],
    Intent.THANKS: ["Thanks a lot", "Vielen Dank, danke", "Gracias", "Merci beaucoup"],
    Intent.TIMES: [
        "Is anything free?",
        "Ist noch etwas frei?",
        "¿Hay algo libre?",
        "Y a-t-il une salle disponible ?",
        "I'd like to book a room",
        "Ich hätte gern einen Raum",
    ],
    Intent.QUESTION: [
        "Can I bring my dog?",
        "Gibt es Parkplätze?",
        "¿Se puede fumar?",
        "Avez-vous un vestiaire ?",
        "Do you have a microphone for left-handed singers?",
    ],
}


@pytest.mark.parametrize("intent", Intent, ids=lambda each: each.name)
def test_what_a_message_is_about_is_recognised(intent: Intent) -> None:
    wrong = [
        (each, found)
        for each in MESSAGES[intent]
        if (found := intent_of(each, asks_for_booking=False)) is not intent
    ]

    assert wrong == []


def test_a_greeting_before_a_request_does_not_count() -> None:
    assert intent_of("Hello, a table for four", asks_for_booking=True) is Intent.TIMES


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("the second one please", 1),
        ("Nummer 3", 2),
        ("die erste bitte", 0),
        ("la segunda", 1),
        ("le premier", 0),
        ("the first or the second", None),
        ("I'd rather come on Sunday the second with all of my friends", None),
    ],
)
def test_a_choice_is_read(text: str, choice: int | None) -> None:
    assert choice_of(text) == choice


def test_a_reference_is_found_in_any_case() -> None:
    assert reference_in("my booking d967-hbx2, please") == "D967-HBX2"
    assert reference_in("well-done half-time") is None


def test_who_wants_to_book_is_told_from_who_asks() -> None:
    assert wants_booking("Ich nehme den Blue Room")
    assert not wants_booking("Is the Blue Room free?")
