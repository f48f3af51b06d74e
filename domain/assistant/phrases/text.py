"""Prepares a text for the patterns of a language, and keeps which parts of it are still unread."""

import re
from collections.abc import Iterable
from typing import Final

from domain.assistant.phrases.grammars import Grammar
from domain.core.text import search_form

_WORD: Final = re.compile(r"[a-z']{6,}")
_AFTER_LETTERS: Final = re.compile(r"(?<=[a-z])\.(?=\s|$)")
_BREAK: Final = " ; "


class UnreadText:
    """The parts of a text that no pattern has matched yet."""

    def __init__(self, text: str) -> None:
        self.text = text

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Returns the first match, and removes it from the text."""
        match = pattern.search(self.text)
        if match is not None:
            self.remove(*match.span())
        return match

    def remove(self, first: int, last: int) -> None:
        """Removes the letters from the first to before the last."""
        self.text = self.text[:first] + _BREAK + self.text[last:]
        self.text = " ".join(self.text.split())


def prepared(text: str) -> str:
    """Returns a text without capitals, accents and hyphens, which all languages start from."""
    plain = search_form(text).replace("\u2019", "'")
    plain = re.sub(r"[\u2010-\u2015]", "-", plain)
    plain = re.sub(r"(?<=[a-z])-(?=[a-z])|(?<=\d)-(?=[a-z])", " ", plain)
    return re.sub(r"[\u00a1!\u00bf?()\"\u00ab\u00bb]|,(?!\d)", " ; ", plain)


def in_language(text: str, grammar: Grammar) -> tuple[str, bool]:
    """Returns a prepared text for a language's patterns, and whether its spelling was corrected."""
    for pattern, replacement in grammar.rewrites:
        text = re.sub(pattern, replacement, text)
    text = _AFTER_LETTERS.sub("", text)
    spelled = {word: _corrected(word, grammar) for word in {*_WORD.findall(text)}}
    corrected = _WORD.sub(lambda match: spelled[match[0]], text)
    was_corrected = corrected != text
    for pattern, replacement in grammar.rewrites if was_corrected else ():
        corrected = re.sub(pattern, replacement, corrected)
    return _with_digits(" ".join(corrected.split()), grammar), was_corrected


def _with_digits(text: str, grammar: Grammar) -> str:
    ordinal = grammar.compiled(_words(grammar.ordinals))
    number = grammar.compiled(_words(grammar.numbers))
    dot = {"en": "th", "fr": "er"}.get(grammar.language, "." if grammar.language == "de" else "")
    text = ordinal.sub(lambda match: f"{grammar.ordinals[match[0]]}{dot}", text)
    return number.sub(lambda match: str(grammar.numbers[match[0]]), text)


def _words(words: Iterable[str]) -> str:
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return "(?:" + "|".join(map(re.escape, longest_first)) + ")"


def _corrected(word: str, grammar: Grammar) -> str:
    """Returns the word of the language that is meant; several, with slashes, if it is open."""
    if word in grammar.words or word in grammar.ordinals or word in grammar.numbers:
        return word
    if word.rstrip("s") in grammar.corrected:
        return word.rstrip("s")
    for distance in (1, 2):
        near = sorted(
            each
            for each in grammar.corrected
            if (len(each) >= 8 or distance == 1) and _distance(word, each, distance) <= distance
        )
        if near and (len(near) == 1 or all(each in grammar.weekdays for each in near)):
            return "/".join(near)
    return word


def _distance(one: str, other: str, limit: int) -> int:
    """Returns how many letters differ, are missing or swapped, if at most ``limit``."""
    if abs(len(one) - len(other)) > limit or len({*one} ^ {*other}) > 2 * limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, above = row, before
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
