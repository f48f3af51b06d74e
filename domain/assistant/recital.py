"""Notices a model that recites its instructions."""

from typing import Final

LENGTH: Final = 80
"""How many letters of its instructions in a row an answer may hold."""


class Recital:
    """An answer while it is written, compared with the instructions by their letters alone."""

    def __init__(self, instructions: str) -> None:
        self._instructions = _letters(instructions)
        self._last = ""

    def has_begun(self, delta: str) -> bool:
        """Adds a part of the answer; returns whether it is a recital by now."""
        text = self._last + _letters(delta)
        self._last = text[-(LENGTH - 1) :]
        ends = range(LENGTH, len(text) + 1)
        return any(text[end - LENGTH : end] in self._instructions for end in ends)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()
