"""Coerces the variables of an operation, with their types looked up once."""

from collections.abc import Mapping
from typing import Any, Self

from graphql import (
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    VariableValues,
    get_variable_values,
    is_non_null_type,
)
from graphql.error import GraphQLError
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import VariableValueSource, input_is_nested_too_deeply
from graphql.utilities.coerce_input_value import coerce_default_value

from kit.graphql.input_errors import value_errors
from kit.graphql.input_reader import InputReader

MAX_ERRORS = 10


class Variables:
    """Coerces the variables of requests for one operation; it is cached with the operation.

    graphql-core looks the types up at each request. Values that aren't simply valid are left to
    it, except for the wording of errors.
    """

    def __init__(
        self, schema: GraphQLSchema, definitions: tuple[VariableDefinitionNode, ...]
    ) -> None:
        self._schema = schema
        self._definitions = definitions
        found = [get_variable_signature(schema, each) for each in definitions]
        self._signatures = [_Variable(each) for each in found if not isinstance(each, GraphQLError)]
        self._are_valid = len(self._signatures) == len(definitions)

    @classmethod
    def of(cls, schema: GraphQLSchema, operation: OperationDefinitionNode) -> Self:
        return cls(schema, tuple(operation.variable_definitions or ()))

    def read(
        self, given: Mapping[str, Any], *, hide_suggestions: bool
    ) -> VariableValues | list[GraphQLError]:
        """Returns the coerced values, or at most 10 errors."""
        values = self._read(given) if self._are_valid else None
        if values is not None:
            return values
        if errors := self._errors(given, hide_suggestions=hide_suggestions):
            return errors
        return get_variable_values(
            self._schema,
            self._definitions,
            dict(given),
            max_errors=MAX_ERRORS,
            hide_suggestions=hide_suggestions,
        )

    def _read(self, given: Mapping[str, Any]) -> VariableValues | None:
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for variable in self._signatures:
            signature = variable.signature
            value = given.get(variable.name, Undefined)
            sources[variable.name] = VariableValueSource(signature, value)
            if value is not Undefined:
                if variable.is_recursive and input_is_nested_too_deeply(value, signature.type):
                    return None
                read = variable.read(value)
            elif signature.default is not None:
                try:
                    read = coerce_default_value(signature)
                except TypeError:
                    return None
            elif variable.is_needed:
                return None
            else:
                continue
            if read is Undefined:
                return None
            coerced[variable.name] = read
        return VariableValues(sources, coerced)

    def _errors(self, given: Mapping[str, Any], *, hide_suggestions: bool) -> list[GraphQLError]:
        errors: list[GraphQLError] = []
        nodes = {each.variable.name.value: each for each in self._definitions}
        for variable in self._signatures:
            value = given.get(variable.name, Undefined)
            has_default = value is Undefined and variable.signature.default is not None
            if has_default or input_is_nested_too_deeply(value, variable.signature.type):
                continue
            errors += value_errors(
                nodes[variable.name],
                variable.signature.type,
                value,
                at_most=MAX_ERRORS - len(errors),
                hide_suggestions=hide_suggestions,
            )
            if len(errors) >= MAX_ERRORS:
                break
        return errors


class _Variable:
    """The parts of a variable's definition that are the same for every request."""

    __slots__ = ("is_needed", "is_recursive", "name", "read", "signature")

    def __init__(self, signature: GraphQLVariableSignature) -> None:
        self.signature = signature
        self.name = signature.name
        self.is_needed = is_non_null_type(signature.type)
        reader = InputReader(signature.type)
        self.read, self.is_recursive = reader.read, reader.is_recursive
