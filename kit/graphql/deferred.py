"""Values that each request brings, standing in what is worked out once for all requests."""

from collections.abc import Callable
from typing import Any


class Deferred:
    """Stands for the value of a variable while arguments are converted.

    Only functions that are ``deferrable`` may be applied to it: they are noted, to be applied to
    the value of each request. Whatever else looks into it, and so may come to another result for
    another value, gets a TypeError.
    """

    __slots__ = ("convert", "name")

    def __init__(self, name: str, convert: Callable[[Any], Any] | None = None) -> None:
        self.name = name
        self.convert = convert

    def then(self, convert: Callable[[Any], Any]) -> "Deferred":
        """Returns the result of a function that is yet to be applied."""
        first = self.convert
        return Deferred(self.name, convert if first is None else lambda each: convert(first(each)))

    def _refuse(self, *_: object) -> Any:
        raise TypeError("the value isn't known yet")

    # What asks for the class would be `isinstance`, as `type` doesn't look here.
    __class__ = property(_refuse)
    __eq__ = __bool__ = __len__ = __iter__ = __str__ = _refuse
    __hash__ = None  # type: ignore[assignment]


def deferrable(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Lets a function be applied to values that aren't known yet.

    It converts one value to one of the same type for all of them, or refuses it.
    """

    def converted(value: Any) -> Any:
        return value.then(convert) if type(value) is Deferred else convert(value)

    return converted
