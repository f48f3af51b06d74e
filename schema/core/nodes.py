"""Any object by its id."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry
from typing_extensions import Doc

from kit.errors import BadInput
from kit.graphql.cost import Cost
from kit.graphql.field_sources import ByGlobalId, Ids
from kit.scope import Scope
from permissions.policy import may
from permissions.roles import P
from schema.core.fields import NODES, Node, query
from schema.core.global_ids import read_id

MAX_IDS = 100


async def node(
    scope: Scope,
    *,
    id: Annotated[strawberry.ID, Doc("The id of an object, as returned by this API.")],
) -> Any:
    """Find any object by its id. Null if there is no such object or the caller can't see it."""
    (found,) = await nodes_of(scope, [id])
    return found


async def nodes(
    scope: Scope,
    *,
    ids: Annotated[list[strawberry.ID], Doc("The ids of the objects: at most 100.")],
) -> list[Any]:
    """Find several objects by their ids, in the order of the ids.

    An entry is null if there is no such object or the caller can't see it. Costs 1 point for each
    id, plus the cost of the fields selected on it.
    """
    if len(ids) > MAX_IDS:
        raise BadInput(f"At most {MAX_IDS} ids; got {len(ids)}.")
    return await nodes_of(scope, ids)


async def nodes_of(scope: Scope, ids: Sequence[str]) -> list[Any]:
    """Returns the rows with these ids, in their order, by one statement for each type."""
    named = [read_id(id) for id in ids]
    wanted: defaultdict[str, list[UUID]] = defaultdict(list)
    for type_name, uuid in named:
        kind = NODES.get(type_name)
        if kind is not None and may(scope.actor, kind.requires):
            wanted[type_name].append(uuid)
    rows: dict[tuple[str, UUID], Any] = {}
    for type_name, uuids in wanted.items():
        kind = NODES[type_name]
        model: Any = kind.model
        for row in await scope.all(kind.visible(scope).where(model.id.in_(uuids))):
            rows[type_name, row.id] = row
    return [rows.get(each) for each in named]


def _ids(texts: Sequence[str], *, at_most: int = 1) -> Ids:
    if len(texts) > at_most:
        raise BadInput(f"At most {at_most} ids; got {len(texts)}.")
    named = [read_id(text) for text in texts]
    names = [name if name in NODES else "" for name, _ in named]
    return Ids(frozenset(names), tuple(names), tuple(key for _, key in named))


@strawberry.type
class NodeQueries:
    node: Node | None = query(
        node,
        requires=P.PUBLIC,
        personal=True,
        reading=ByGlobalId(lambda given: _ids([given["id"]])),
    )
    nodes: list[Node | None] = query(
        nodes,
        requires=P.PUBLIC,
        personal=True,
        nullable=False,
        cost=Cost(0, size=lambda given: len(given.get("ids") or ())),
        reading=ByGlobalId(lambda given: _ids(given["ids"], at_most=MAX_IDS)),
    )
