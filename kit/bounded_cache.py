"""Caches with a bounded number of values."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class BoundedDict(Generic[V]):
    """A dictionary of at most ``capacity`` values: the oldest is evicted, in constant time."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[Hashable, V] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> V | None:
        return self._values.get(key)

    def used(self, key: Hashable) -> V | None:
        """Returns the value and makes it the newest."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: Hashable, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._capacity:
            self._values.popitem(last=False)

    def oldest(self) -> tuple[Any, V] | None:
        return next(iter(self._values.items()), None)

    def drop(self, key: Hashable) -> None:
        del self._values[key]


class SegmentedCache(Generic[V]):
    """A segmented LRU cache: values used again aren't evicted by values used once."""

    def __init__(self, capacity: int) -> None:
        self._probation: BoundedDict[V] = BoundedDict(capacity // 2)
        self._protected: BoundedDict[V] = BoundedDict(capacity // 2)

    def __len__(self) -> int:
        return len(self._protected) + len(self._probation)

    def get(self, key: Hashable) -> V | None:
        """Returns the value and moves it to the protected segment."""
        found = self._protected.used(key)
        if found is None:
            found = self._probation.get(key)
            if found is not None:
                self._probation.drop(key)
                self._protected.put(key, found)
        return found

    def put(self, key: Hashable, value: V) -> None:
        self._probation.put(key, value)
