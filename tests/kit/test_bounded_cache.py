"""Bounded caches: recent entries, and those that were used repeatedly."""

from kit.bounded_cache import BoundedDict, SegmentedCache


def test_what_was_put_longest_ago_goes_first() -> None:
    kept: BoundedDict[int] = BoundedDict(2)

    for number in range(3):
        kept.put(number, number)

    assert [kept.get(number) for number in range(3)] == [None, 1, 2]


def test_what_is_used_survives_thousands_that_pass_through() -> None:
    kept: SegmentedCache[int] = SegmentedCache(100)
    kept.put("hot", 1)
    assert kept.get("hot") == 1

    for passing in range(5_000):
        kept.put(passing, passing)

    assert kept.get("hot") == 1
    assert len(kept) <= 100
