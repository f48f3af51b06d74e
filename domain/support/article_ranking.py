"""Ranks articles that were found in several ways, and says how well they answer a text."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Final
from uuid import UUID

RANK_CONSTANT: Final = 60
"""The constant of reciprocal rank fusion, as its authors chose it."""
ALIKE: Final = 0.6
"""What a word counts that is only spelt alike."""
CONFIDENT: Final = 0.3
"""An article that is found with less confidence rather doesn't answer the text."""
_UNRELATED, _SAME_MEANING = 0.25, 0.65
"""The cosines of texts that have nothing to do with each other, and of those that say the same."""


@dataclass(frozen=True, slots=True)
class WordMatch:
    """A word of a text, by its number, in an article; ``rank`` is higher in titles."""

    word: int
    article_id: UUID
    rank: float
    is_alike: bool


@dataclass(frozen=True, slots=True)
class Ranked:
    """An article with how likely it answers the text: 0 to 1."""

    article_id: UUID
    confidence: float


def fused(rankings: Sequence[Sequence[UUID]]) -> dict[UUID, float]:
    """Returns what each article is worth by its places in rankings (reciprocal rank fusion)."""
    worth: defaultdict[UUID, float] = defaultdict(float)
    for ranking in rankings:
        for place, id in enumerate(ranking, start=1):
            worth[id] += 1 / (RANK_CONSTANT + place)
    return dict(worth)


def ranked(
    matches: Collection[WordMatch],
    frequencies: Mapping[int, int],
    closeness: Mapping[UUID, float],
    *,
    total: int,
) -> list[Ranked]:
    """Returns the articles found, the best first.

    ``frequencies`` are the numbers of articles with each word that has a meaning, of a ``total``;
    ``closeness`` are the cosines between the text's vector and those of articles.
    """
    # A word that no article has may be rare or a usual one that none needs.
    rarity = {word: log(1 + total / (1 + max(number, 1))) for word, number in frequencies.items()}
    exact = _worth([each for each in matches if not each.is_alike], rarity)
    alike = _worth([each for each in matches if each.is_alike], rarity)
    worth = fused([_ordered(exact), _ordered(alike), _ordered(closeness)])
    covered = _coverage(matches, rarity)
    found = [
        Ranked(id, max(covered.get(id, 0.0), _likeness(closeness.get(id, -1.0)))) for id in worth
    ]
    return sorted(found, key=lambda each: (-worth[each.article_id], -each.confidence))


def _worth(matches: Collection[WordMatch], rarity: Mapping[int, float]) -> dict[UUID, float]:
    worth: defaultdict[UUID, float] = defaultdict(float)
    for each in matches:
        worth[each.article_id] += rarity[each.word] * (1 + each.rank)
    return dict(worth)


def _coverage(matches: Collection[WordMatch], rarity: Mapping[int, float]) -> Mapping[UUID, float]:
    """Returns which part of the text's words each article has, the rarer counting more."""
    everything = sum(rarity.values())
    best: defaultdict[UUID, dict[int, float]] = defaultdict(dict)
    for each in matches:
        counts = rarity[each.word] * (ALIKE if each.is_alike else 1)
        words = best[each.article_id]
        words[each.word] = max(counts, words.get(each.word, 0.0))
    return {id: min(sum(words.values()) / everything, 1.0) for id, words in best.items()}


def _likeness(cosine: float) -> float:
    return min(max((cosine - _UNRELATED) / (_SAME_MEANING - _UNRELATED), 0.0), 1.0)


def _ordered(worth: Mapping[UUID, float]) -> list[UUID]:
    return sorted(worth, key=lambda each: (-worth[each], each))
