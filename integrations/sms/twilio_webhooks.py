"""Twilio's requests to us: what became of a message, and what its recipient answers.

https://www.twilio.com/docs/usage/webhooks/webhooks-security says how they are signed, and
https://www.twilio.com/docs/messaging/guides/track-outbound-message-status what they have.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

# Of a number that no message can ever reach; of others, another message may arrive.
_NO_SUCH_NUMBER: Final = frozenset({"30005", "30006"})


class Arrival(Enum):
    """What became of a message that Twilio had taken."""

    ARRIVED = auto()
    NO_SUCH_NUMBER = auto()
    FAILED = auto()


class Word(Enum):
    """What a recipient wants who answers."""

    STOP = auto()
    START = auto()
    HELP = auto()


# https://help.twilio.com/articles/223134027: the words that Twilio itself acts on.
_WORDS: Final = {
    **dict.fromkeys(
        ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"), Word.STOP
    ),
    **dict.fromkeys(("START", "UNSTOP", "YES"), Word.START),
    **dict.fromkeys(("HELP", "INFO"), Word.HELP),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a recipient; ``was_answered`` if Twilio has replied to it by itself."""

    number: str = field(repr=False)
    word: Word | None
    was_answered: bool


def is_signed(
    url: str, fields: Sequence[tuple[str, str]], signature: str, *, auth_token: str
) -> bool:
    """Returns whether a request with these form fields to a URL is Twilio's."""
    text = url + "".join(f"{name}{value}" for name, value in sorted({*fields}))
    expected = b64encode(hmac.digest(auth_token.encode(), text.encode(), "sha1"))
    return hmac.compare_digest(expected, signature.encode())


def arrival_of(fields: Mapping[str, str]) -> Arrival | None:
    """Returns what became of a message; None while it is on its way."""
    match fields.get("MessageStatus"):
        case "delivered" | "read":
            return Arrival.ARRIVED
        case "failed" | "undelivered":
            gone = fields.get("ErrorCode") in _NO_SUCH_NUMBER
            return Arrival.NO_SUCH_NUMBER if gone else Arrival.FAILED
        case _:
            return None


def answer_of(fields: Mapping[str, str]) -> Answer | None:
    """Returns what a recipient has answered; None without their number."""
    number, kind = fields.get("From"), fields.get("OptOutType")
    if not number:
        return None
    # Only an account with Advanced Opt-Out says what Twilio has taken the answer for.
    said = kind or fields.get("Body", "").strip().rstrip(".!").upper()
    return Answer(number, _WORDS.get(said), was_answered=kind is not None)
