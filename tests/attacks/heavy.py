"""Generates documents near every limit, which take the most time for a point of cost."""

from collections.abc import Sequence
from random import Random
from typing import Final

ROOTS: Final[Sequence[str]] = ("rooms", "bookings", "customers", "users", "blackouts")
LEAVES: Final[Sequence[str]] = ("id", "version", "__typename", "createdAt", "nothing")


class Heavy:
    """Makes documents, the same ones for the same seed; no two of them are equal."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._made = 0
        self._kinds = (
            self._spreads,
            self._chain,
            self._leaves,
            self._objects,
            self._operations,
            self._arguments,
            self._variables,
            self._comment,
            self._string,
            self._unknown,
            self._inline,
            self._directives,
        )

    def next(self) -> str:
        """Returns the next document."""
        make = self._kinds[self._made % len(self._kinds)]
        self._made += 1
        return make()

    @property
    def _name(self) -> str:
        return f"H{self._made}"

    def _near(self, limit: int) -> int:
        return self._random.randint(limit - limit // 10, limit + limit // 30)

    def _spreads(self) -> str:
        count = self._near(30)
        leaves = " ".join(self._random.choices(LEAVES[:4], k=5))
        spread = " ".join(f"...F{n}" for n in range(count))
        made = " ".join(
            f"fragment F{n} on Query {{ {self._random.choice(ROOTS)} {{ nodes {{ {leaves} }} }} }}"
            for n in range(count)
        )
        return f"query {self._name} {{ {spread} }} {made}"

    def _chain(self) -> str:
        count = self._near(15)
        made = " ".join(
            f"fragment F{n} on Room {{ id bookings {{ nodes {{ room {{ ...F{n + 1} }} }} }} }}"
            for n in range(count)
        )
        last = f"fragment F{count} on Room {{ name }}"
        return f"query {self._name} {{ rooms {{ nodes {{ ...F0 }} }} }} {made} {last}"

    def _leaves(self) -> str:
        written = [leaf for leaf in LEAVES[:4] for _ in range(self._near(100))]
        self._random.shuffle(written)
        return f"query {self._name} {{ rooms {{ nodes {{ {' '.join(written)} }} }} }}"

    def _objects(self) -> str:
        each = self._random.choice(ROOTS)
        written = f"{each} {{ nodes {{ id }} }} " * self._near(self._random.choice((60, 100)))
        return f"query {self._name} {{ {written} }}"

    def _operations(self) -> str:
        count = self._near(self._random.choice((30, 100)))
        made = " ".join(f"query Q{n} {{ ...F }}" for n in range(min(count, 29)))
        more = " ".join(f"query R{n} {{ __typename }}" for n in range(count))
        inside = "rooms { nodes { id name } } " * 20
        return f"query {self._name} {{ ...F }} {made} {more} fragment F on Query {{ {inside} }}"

    def _arguments(self) -> str:
        terms = ", ".join('"x"' for _ in range(self._near(100)))
        fields = " ".join(f"a{n}: nodes(ids: [{terms}]) {{ id }}" for n in range(self._near(15)))
        return f"query {self._name} {{ {fields} }}"

    def _variables(self) -> str:
        count = self._near(200)
        declared = ", ".join(f"$v{n}: Int" for n in range(count))
        return f"query {self._name}({declared}) {{ rooms(first: $v0) {{ nodes {{ id }} }} }}"

    def _comment(self) -> str:
        line = self._random.choice(("#\n", "# and so on\n", ",,,,,,,,", "\n", " "))
        return f"query {self._name} {{ __typename }} " + line * (100_000 // len(line))

    def _string(self) -> str:
        text = self._random.choice(("x", '\\"', "\\u00e9")) * 10_000
        return f'query {self._name} {{ customers(filter: {{search: "{text}"}}) {{ totalCount }} }}'

    def _unknown(self) -> str:
        count = self._near(self._random.choice((95, 490, 1_990)))
        return f"query {self._name} {{ {' '.join(f'availabilit{n}' for n in range(count))} }}"

    def _inline(self) -> str:
        inside = "... on Room { id name ... on Node { id } } " * self._near(50)
        return f"query {self._name} {{ rooms {{ nodes {{ {inside} }} }} }}"

    def _directives(self) -> str:
        flags = " ".join("@skip(if: false) @include(if: true)" for _ in range(self._near(80)))
        return f"query {self._name} {{ __typename {flags} }}"
