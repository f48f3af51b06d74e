"""What the assistant says when a model fails, in the languages it knows."""

from typing import Final

from domain.assistant.conversations import MessageOutcome as M

DEFAULT: Final = "en"

_TEXTS: Final[dict[str, dict[M, str]]] = {
    "en": {
        M.TIMED_OUT: "That took too long. Please ask again.",
        M.BUSY: "I have too many questions right now. Please ask again in a minute.",
        M.UNAVAILABLE: "I can't answer right now. Please ask again in a moment.",
        M.INVALID: "I found no answer to that. Please ask in other words.",
        M.TOO_LONG: "The answer became too long, so I stopped here.",
        M.TOO_MANY_CALLS: "I looked up a lot and came to no answer. Please ask for less at once.",
        M.ENDED: "You have been logged out, so I stopped here.",
    },
    "de": {
        M.TIMED_OUT: "Das hat zu lange gedauert. Bitte frag noch einmal.",
        M.BUSY: "Ich habe gerade zu viele Fragen. Bitte frag in einer Minute noch einmal.",
        M.UNAVAILABLE: "Ich kann gerade nicht antworten. Bitte frag gleich noch einmal.",
        M.INVALID: "Darauf habe ich keine Antwort gefunden. Bitte frag mit anderen Worten.",
        M.TOO_LONG: "Die Antwort wurde zu lang, darum höre ich hier auf.",
        M.TOO_MANY_CALLS: "Ich habe viel nachgesehen und keine Antwort gefunden. Bitte frag nach "
        "weniger auf einmal.",
        M.ENDED: "Du bist nicht mehr angemeldet, darum höre ich hier auf.",
    },
    "es": {
        M.TIMED_OUT: "Ha tardado demasiado. Pregunta otra vez, por favor.",
        M.BUSY: "Ahora tengo demasiadas preguntas. Pregunta otra vez en un minuto, por favor.",
        M.UNAVAILABLE: "Ahora no puedo responder. Pregunta otra vez en un momento, por favor.",
        M.INVALID: "No he encontrado respuesta. Pregunta con otras palabras, por favor.",
        M.TOO_LONG: "La respuesta era demasiado larga, así que paro aquí.",
        M.TOO_MANY_CALLS: "He buscado mucho sin llegar a una respuesta. Pregunta por menos a la "
        "vez, por favor.",
        M.ENDED: "Ya no has iniciado sesión, así que paro aquí.",
    },
    "fr": {
        M.TIMED_OUT: "Cela a pris trop de temps. Posez la question à nouveau, s'il vous plaît.",
        M.BUSY: "J'ai trop de questions en ce moment. Réessayez dans une minute, s'il vous plaît.",
        M.UNAVAILABLE: "Je ne peux pas répondre en ce moment. Réessayez dans un instant.",
        M.INVALID: "Je n'ai pas trouvé de réponse. Posez la question autrement, s'il vous plaît.",
        M.TOO_LONG: "La réponse devenait trop longue, je m'arrête donc ici.",
        M.TOO_MANY_CALLS: "J'ai beaucoup cherché sans trouver. Demandez moins à la fois.",
        M.ENDED: "Vous n'êtes plus connecté, je m'arrête donc ici.",
    },
}


def failure_text(outcome: M, locale: str) -> str:
    """Returns what a person reads instead of an answer; in English for other languages."""
    language = locale.split("-")[0].lower()
    return _TEXTS.get(language, _TEXTS[DEFAULT])[outcome]
