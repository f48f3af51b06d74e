"""Execution field by field, for what isn't read at once; what is takes its place beside it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from graphql import GraphQLObjectType
from graphql.execution.collect_fields import GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

Reading = Callable[[], Awaitable[Mapping[str, Any]]]
"""Gives the answers of the root fields that are read at once, or raises what they fail with."""


class Execution(StrawberryGraphQLCoreExecutionContext):
    """An operation of which the root fields called ``keys`` are read at once, by ``reading``."""

    keys: Sequence[str] = ()
    reading: Reading | None = None

    def execute_root_grouped_field_set(
        self,
        root_type: GraphQLObjectType,
        root_value: Any,
        grouped_field_set: GroupedFieldSet,
        serially: bool,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """All root fields, in the order of the document."""
        if self.reading is None:
            return super().execute_root_grouped_field_set(
                root_type, root_value, grouped_field_set, serially, position_context
            )
        rest = {key: each for key, each in grouped_field_set.items() if key not in self.keys}
        resolved = super().execute_root_grouped_field_set(
            root_type, root_value, rest, serially, position_context
        )
        return self._merged(root_type, grouped_field_set, resolved, self.reading)

    async def _merged(
        self,
        root_type: GraphQLObjectType,
        fields: GroupedFieldSet,
        resolved: AwaitableOrValue[dict[str, Any]],
        reading: Reading,
    ) -> dict[str, Any]:
        waited: Any = await resolved if self.is_awaitable(resolved) else resolved
        answers: dict[str, Any] = waited
        try:
            answers.update(await reading())
        except Exception as error:  # noqa: BLE001 - so does every field that fails
            for key in self.keys:
                field = root_type.fields[fields[key][0].node.name.value]
                path = Path(None, key, root_type.name)
                self.handle_field_error(error, field.type, fields[key], path)
                answers[key] = None
        return {key: answers[key] for key in fields if key in answers}
