"""What is selected below a field, for functions that read no more than is needed."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Selected:
    """The names of all fields below a field, also of those that directives leave out.

    None stands for all that there are. ``is_alone`` if nothing else is read in the operation: it
    has no other root field, and the fields below only read attributes.
    """

    names: frozenset[str] | None
    is_alone: bool = False

    def __contains__(self, name: str) -> bool:
        return self.names is None or name in self.names


EVERYTHING: Final = Selected(None)
