"""A dictionary that forgets: at most so many values, the one put longest ago goes first."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class BoundedDict(Generic[V]):
    """The values put last, at most ``capacity`` of them; each call takes constant time."""

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
        """The value, which is then the one put last."""
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
    """What was asked for again stays, whatever passes through: two lists of the last ones."""

    def __init__(self, capacity: int) -> None:
        self._new: BoundedDict[V] = BoundedDict(capacity // 2)
        self._proven: BoundedDict[V] = BoundedDict(capacity // 2)

    def __len__(self) -> int:
        return len(self._proven) + len(self._new)

    def get(self, key: Hashable) -> V | None:
        """The value, which has proven itself by being asked for."""
        found = self._proven.used(key)
        if found is None:
            found = self._new.get(key)
            if found is not None:
                self._new.drop(key)
                self._proven.put(key, found)
        return found

    def put(self, key: Hashable, value: V) -> None:
        self._new.put(key, value)
