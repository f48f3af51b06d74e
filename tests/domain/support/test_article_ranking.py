"""Articles that were found in several ways, ranked together."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.support.article_ranking import WordMatch, fused, ranked

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))


def test_an_article_that_is_second_in_two_ways_beats_one_that_is_first_in_one() -> None:
    worth = fused([[ONE, TWO], [THREE, TWO]])

    assert max(worth, key=lambda each: worth[each]) == TWO


def test_a_rare_word_says_more_than_a_frequent_one() -> None:
    matches = [WordMatch(1, ONE, 0.1, False), WordMatch(2, TWO, 0.1, False)]

    first, second = ranked(matches, {1: 1, 2: 90}, {}, total=100)

    assert (first.article_id, second.article_id) == (ONE, TWO)
    assert first.confidence > 0.8 > 0.2 > second.confidence


def test_a_word_that_is_only_spelt_alike_makes_less_sure() -> None:
    (found,) = ranked([WordMatch(1, ONE, 0.7, True)], {1: 1}, {}, total=10)

    assert found.confidence == 0.6


def test_the_same_meaning_in_other_words_makes_sure() -> None:
    found = ranked([], {1: 0}, {ONE: 0.7, TWO: 0.2}, total=10)

    assert [(each.article_id, each.confidence) for each in found] == [(ONE, 1.0), (TWO, 0.0)]


@given(
    st.lists(
        st.builds(
            WordMatch,
            st.integers(1, 3),
            st.sampled_from([ONE, TWO, THREE]),
            st.floats(0, 1),
            st.booleans(),
        )
    )
)
def test_each_article_is_ranked_once_with_a_confidence_from_0_to_1(
    matches: list[WordMatch],
) -> None:
    found = ranked(matches, {1: 1, 2: 5, 3: 0}, {}, total=5)

    assert sorted(each.article_id for each in found) == sorted({m.article_id for m in matches})
    assert all(0 <= each.confidence <= 1 for each in found)
