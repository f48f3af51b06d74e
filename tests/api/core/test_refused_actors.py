"""Changes that need a user, an API key or a tenant are refused to an actor without one."""

import pytest

from kit.actor import ANONYMOUS, Actor, ActorKind, Request
from kit.errors import Forbidden, Unauthenticated
from kit.ids import new_id
from kit.runtime import Runtime
from kit.scope import Scope
from resolvers.core.sagas import Saga
from resolvers.core.transactions import IdempotencyKey, perform
from tests.support.factories import make_venue


@pytest.mark.parametrize("kind", [ActorKind.CUSTOMER, ActorKind.SYSTEM])
async def test_an_idempotency_key_is_refused_before_the_change_begins(
    runtime: Runtime, kind: ActorKind
) -> None:
    venue = await make_venue(runtime)
    begun: list[Scope] = []

    async def change(scope: Scope) -> None:
        begun.append(scope)

    with pytest.raises(Forbidden, match="leave the key out"):
        await perform(
            runtime,
            Actor(kind, venue.tenant.id),
            Request(new_id()),
            change,
            key=IdempotencyKey("once", "createRoom", {}),
        )

    assert not begun


def test_a_saga_is_refused_to_a_caller_without_a_tenant(runtime: Runtime) -> None:
    with pytest.raises(Unauthenticated):
        _ = Saga(runtime, ANONYMOUS, Request(new_id())).tenant_id
