"""Makes query plans without a server, for a query and an actor."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from graphql import OperationDefinitionNode, VariableValues, get_variable_values, parse

from domain.accounts.users import Role
from kit.actor import Actor, ActorKind
from kit.graphql.compiler.document_signature import NormalizedOperation, normalize
from kit.graphql.compiler.plans import Plans, QueryPlan, UnmadePlan
from permissions.policy import may_for_every_row
from schema import schema
from schema.core.scalars import IN_SQL

CORE = schema._schema
TENANT = UUID("01890000-0000-7000-8000-000000000001")
USER = UUID("01890000-0000-7000-8000-000000000002")
CUSTOMER = UUID("01890000-0000-7000-8000-000000000003")
NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
OWNER = Actor(ActorKind.USER, TENANT, USER, USER, Role.OWNER, plan="STARTER")
GUEST = Actor(ActorKind.CUSTOMER, TENANT, USER, USER, Role.CUSTOMER, own_id=CUSTOMER)


def plans(*, capacity: int = 1_000) -> Plans:
    """Returns an empty cache of plans."""
    return Plans(CORE, IN_SQL, may_for_every_row, capacity=capacity)


def prepared(
    text: str, variables: Mapping[str, Any] | None = None
) -> tuple[NormalizedOperation, VariableValues]:
    """Returns a query as it is when its document is known and its variables are read."""
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    values = get_variable_values(CORE, operation.variable_definitions or (), dict(variables or {}))
    assert isinstance(values, VariableValues), values
    return normalize(document, operation), values


def read(
    text: str,
    variables: Mapping[str, Any] | None = None,
    *,
    actor: Actor = OWNER,
    by: Plans | None = None,
) -> QueryPlan | None:
    """Returns the plan of a query; None if nothing of it can be compiled."""
    planned = by or plans()
    found = planned.read(*prepared(text, variables), actor, NOW)
    return planned.keep(found.make()).read() if isinstance(found, UnmadePlan) else found
