"""Relay connections: keyset pagination, and counts only if they are selected."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter
from operator import attrgetter
from typing import Annotated, Any, Final, Generic, TypeVar

import strawberry
from graphql import GraphQLObjectType, get_named_type
from strawberry.types import Info

from kit.graphql.cost import Cost
from kit.graphql.field_sources import Counted, Paged, PageField
from kit.operation_context import Operation
from kit.postgres.keyset_pagination import Listing, Page, Window, counted, page_of, windowed
from kit.scope import Scope
from permissions.reads import check_reads
from permissions.roles import Permission
from schema.core.arguments import Arguments
from schema.core.enums import CountMode
from schema.core.fields import Read, declared_field, described, in_words
from schema.core.inputs import arguments_reader

NodeT = TypeVar("NodeT")

CONNECTION_COST: Final = Cost(1, multipliers=("first", "last"))

_WINDOW: Final = {
    "first": (
        int,
        "The number of items to return from the start of the list: 0 to 250. Defaults to 20 "
        "if neither `first` nor `last` is given.",
    ),
    "after": (str, "Return only the items after this cursor."),
    "last": (
        int,
        "The number of items to return from the end of the list: 0 to 250. Can't be combined "
        "with `first`.",
    ),
    "before": (str, "Return only the items before this cursor."),
}


def name_items(kind: GraphQLObjectType) -> None:
    """Names the type of the items in the descriptions of a connection's or an edge's fields."""
    for name in ("node", "nodes"):
        if (field := kind.fields.get(name)) and "{item}" in (field.description or ""):
            item = in_words(get_named_type(field.type).name)
            field.description = (field.description or "").format(item=item)


def part(description: str, *, name: str | None = None) -> Any:
    """Declares a field of a connection or an edge, which reads the attribute of ``View``."""
    return declared_field(
        None,
        description,
        requires=None,
        reads=lambda _, field_name: _read(name or field_name),
        reading=lambda field_name: PageField(name or field_name),
    )


def _read(attribute: str) -> Read:
    get = attrgetter(attribute)
    return lambda root, _: get(root)


@strawberry.type(description="The position of a page in its list.")
class PageInfo:
    has_next_page: bool = part("Whether there are more items after this page.", name="has_next")
    has_previous_page: bool = part(
        "Whether there are more items before this page.", name="has_previous"
    )
    start_cursor: str | None = part(
        "The cursor of the first item on this page, or null if the page is empty."
    )
    end_cursor: str | None = part(
        "The cursor of the last item on this page, or null if the page is empty."
    )


@strawberry.type(description="An item of a list, with its cursor.")
class Edge(Generic[NodeT]):
    cursor: str = part(
        "The position of the item in the list, for `after` and `before`. Opaque, and valid "
        "even when other items are added or removed."
    )
    node: NodeT = part("The {item}.")


async def _total_count(
    root: "View",
    mode: Annotated[
        CountMode,
        strawberry.argument(description="Whether to count every item or to stop at 10,000."),
    ] = CountMode.CAPPED,
) -> int:
    return await root.count(exact=mode is CountMode.EXACT)


@strawberry.type(description="One page of a list.")
class Connection(Generic[NodeT]):
    edges: list[Edge[NodeT]] = part("The items on this page, each with its cursor.")
    nodes: list[NodeT] = part("The {item} of each item on this page.")
    page_info: PageInfo = part(
        "Whether there are more items before and after this page, and its cursors."
    )
    total_count: int | None = declared_field(
        _total_count,
        "The number of items in the whole list, not only on this page. By default at most "
        "10,001, which means more than 10,000. Counted only if selected.",
        requires=None,
        reading=lambda _: Counted(lambda given: given["mode"] is CountMode.EXACT),
    )


@dataclass(frozen=True, slots=True)
class View:
    """A page as a connection's fields read it."""

    operation: Operation
    listing: Listing[Any]
    page: Page[Any]
    counting: Callable[[bool], Any]

    @property
    def nodes(self) -> list[Any]:
        return self.page.rows

    @property
    def edges(self) -> list["_Edge"]:
        return [_Edge(self.page.cursor(row), row) for row in self.page.rows]

    @property
    def page_info(self) -> "View":
        return self

    @property
    def has_next(self) -> bool:
        return self.page.has_next

    @property
    def has_previous(self) -> bool:
        return self.page.has_previous

    @property
    def start_cursor(self) -> str | None:
        return self.page.cursor(self.page.rows[0]) if self.page.rows else None

    @property
    def end_cursor(self) -> str | None:
        return self.page.cursor(self.page.rows[-1]) if self.page.rows else None

    async def count(self, *, exact: bool) -> int:
        return int(await self.counting(exact))


@dataclass(frozen=True, slots=True)
class _Edge:
    cursor: str
    node: Any


def connection(
    listing: Callable[..., Listing[Any]],
    description: str | None = None,
    *,
    requires: Permission | None = None,
    under: Any = None,
    inside: Callable[[Scope, Any], Scope] | None = None,
    nullable: bool = True,
) -> Any:
    """Declares a connection of the rows that ``listing(scope, **arguments)`` selects and sorts.

    ``under`` is the column by which the rows belong to the object whose field this is; the pages
    of all such objects then take one statement. ``inside`` returns the scope that reads the list,
    from the operation's scope and the object, if it isn't the operation's.
    """
    arguments = Arguments.of(listing, skip=1)

    def read_as_allowed(scope: Scope, **given: Any) -> Listing[Any]:
        check_reads(scope.actor, given)
        return listing(scope, **given)

    async def answer(root: Any, info: Info[Operation], **given: Any) -> View:
        operation = info.context
        wanted = Window(**{name: given.pop(name, None) for name in _WINDOW})
        name = repr((info.field_name, sorted(given.items(), key=str)))
        scope = inside(operation.scope, root) if inside else operation.scope
        found = read_as_allowed(scope, **arguments.decoded(given))
        if under is None:
            rows = await (found.load or scope.all)(windowed(found, wanted))
            return View(operation, found, page_of(found, wanted, rows), _count(scope, found))
        page = await operation.scope.loaders.page(under, root.id, found, wanted, name=name)
        counting = _count_under(operation, found, under, root.id, name)
        return View(operation, found, page, counting)

    parameters = [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            annotation=Annotated[kind | None, strawberry.argument(description=text)],
            default=strawberry.UNSET,
        )
        for name, (kind, text) in _WINDOW.items()
    ]
    arguments.with_signature(answer, root=True, before=parameters)
    read = arguments_reader(arguments.annotations)

    def decode(given: Mapping[str, Any]) -> tuple[dict[str, Any], Window]:
        return read(given), Window(**{name: given.get(name) for name in _WINDOW})

    return declared_field(
        answer,
        description or described(listing),
        requires=requires,
        cost=CONNECTION_COST,
        nullable=nullable,
        reading=None if inside else lambda _: Paged(read_as_allowed, decode, under),
    )


def _count(scope: Scope, listing: Listing[Any]) -> Callable[[bool], Any]:
    return lambda exact: scope.value(counted(listing, exact=exact))


def _count_under(
    operation: Operation,
    listing: Listing[Any],
    under: Any,
    key: Any,
    name: str,
) -> Callable[[bool], Any]:
    return lambda exact: operation.scope.loaders.count(under, key, listing, exact=exact, name=name)
