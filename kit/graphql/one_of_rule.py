"""A validation rule: a variable for a field of a `@oneOf` input must be non-null."""

from typing import Any

from graphql import (
    GraphQLError,
    OperationDefinitionNode,
    ValidationRule,
    is_input_object_type,
    is_non_null_type,
    is_nullable_type,
    type_from_ast,
)


class OneOfVariablesRule(ValidationRule):
    """Refuses nullable variables in a required `@oneOf` input.

    graphql-core's own rule misses the input type if it is wrapped in `!`.
    """

    def leave_operation_definition(self, node: OperationDefinitionNode, *_args: Any) -> None:
        definitions = {each.variable.name.value: each for each in node.variable_definitions or ()}
        for usage in self.context.get_recursive_variable_usages(node):
            if not is_non_null_type(usage.parent_type):
                continue
            input_type = usage.parent_type.of_type
            definition = definitions.get(usage.node.name.value)
            if not (is_input_object_type(input_type) and input_type.is_one_of and definition):
                continue
            type_ = type_from_ast(self.context.schema, definition.type)
            if is_nullable_type(type_):
                self.report_error(
                    GraphQLError(
                        f"Variable '${definition.variable.name.value}' is of type '{type_}' but "
                        f"must be non-nullable to be used for OneOf Input Object '{input_type}'.",
                        [definition, usage.node],
                    )
                )
