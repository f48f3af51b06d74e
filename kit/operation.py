"""One GraphQL operation: who asked, and the snapshot its fields read from."""

from kit.scope import Actor, Request, Runtime, Scope


class Operation:
    """The context of an operation's fields.

    ``scope`` is opened by the first read and stays until the operation ends, a mutation commits,
    or a subscription waits for its next event: then the next read sees a new snapshot.
    """

    def __init__(self, runtime: Runtime, actor: Actor, request: Request) -> None:
        self.runtime = runtime
        self.actor = actor
        self.request = request
        self._scope: Scope | None = None

    @property
    def scope(self) -> Scope:
        if self._scope is None:
            self._scope = Scope(self.runtime, self.actor, self.request)
        return self._scope

    async def rest(self) -> None:
        """Give the snapshot back; the next read opens a new one."""
        scope, self._scope = self._scope, None
        if scope is not None:
            await scope.close()
