"""Numbers as words, in the form in which the parser compares text."""

from collections.abc import Mapping, Sequence


def counted(words: str, *, first: int = 0) -> dict[str, int]:
    """Returns words with their numbers: ``first``, and so on."""
    return {word: number for number, word in enumerate(words.split(), first)}


def tens(words: str, *, first: int = 20) -> dict[int, str]:
    """Returns the words for ``first``, and for each ten after it."""
    return {number * 10: word for word, number in counted(words, first=first // 10).items()}


def combined(
    units: Sequence[str], tens: Mapping[int, str], join: str, *, units_first: bool = False
) -> dict[str, int]:
    """Returns the numbers from 0 on that ``units`` lists, and those made of tens and units."""
    words = {word: number for number, word in enumerate(units)}
    for ten, word in tens.items():
        words[word] = ten
        for unit in range(1, 10):
            pair = (units[unit], word) if units_first else (word, units[unit])
            words[join.join(pair)] = ten + unit
    return words
