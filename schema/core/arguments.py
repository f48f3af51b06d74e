"""The arguments of a field, derived from the signature of its function."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Annotated, Any, get_type_hints

import strawberry
from strawberry.types import Info

from domain.core.refusals import Refusal
from kit.graphql.selected import Selected
from schema.core.inputs import decode, decoder, doc_of, graphql_name, graphql_type


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a field, from the signature of its function."""

    annotations: Mapping[str, Any]
    defaults: Mapping[str, Any]
    where: str

    @classmethod
    def of(cls, function: Callable[..., Any], *, skip: int) -> "Arguments":
        """Returns the parameters of a function, without the first ``skip`` and what is selected."""
        hints = get_type_hints(function, include_extras=True)
        signed = list(inspect.signature(function).parameters.values())[skip:]
        parameters = [each for each in signed if hints[each.name] is not Selected]
        return cls(
            {each.name: hints[each.name] for each in parameters},
            {each.name: each.default for each in parameters},
            function.__qualname__,
        )

    def without(self, *names: str) -> "Arguments":
        return Arguments(
            {name: kind for name, kind in self.annotations.items() if name not in names},
            self.defaults,
            self.where,
        )

    def also(self, name: str, annotation: Any, *, default: object) -> "Arguments":
        """Returns these arguments and a last one, which isn't one of the function."""
        return Arguments(
            {**self.annotations, name: annotation}, {**self.defaults, name: default}, self.where
        )

    def decoded(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the values for the function. Raises BadInput and Refusal, with the argument."""
        values: dict[str, Any] = {}
        for name, value in given.items():
            if value is strawberry.UNSET:
                continue
            try:
                values[name] = decode(value, decoder(self.annotations[name]), graphql_name(name))
            except Refusal as refusal:
                refusal.path = (name, *refusal.path)
                raise
        return values

    def parameters(self) -> list[Parameter]:
        """Returns the parameters for a Strawberry resolver."""
        return [
            Parameter(
                name,
                Parameter.KEYWORD_ONLY,
                annotation=Annotated[
                    graphql_type(annotation),
                    strawberry.argument(description=doc_of(annotation, f"{self.where}.{name}")),
                ],
                default=strawberry.UNSET if self.defaults[name] is None else self.defaults[name],
            )
            for name, annotation in self.annotations.items()
        ]

    def with_signature(
        self,
        function: Callable[..., Any],
        *,
        root: bool = False,
        before: Sequence[Parameter] = (),
    ) -> Callable[..., Any]:
        """Sets a resolver's signature to these arguments, after the row and ``info``."""
        fixed = [Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=Info)]
        if root:
            fixed.insert(0, Parameter("root", Parameter.POSITIONAL_OR_KEYWORD))
        function.__signature__ = inspect.Signature([*fixed, *before, *self.parameters()])  # type: ignore[attr-defined]
        return function
