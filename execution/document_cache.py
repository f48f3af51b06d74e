"""Parsed and checked documents, kept so that a client's usual operations are read only once."""

from typing import Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from kit.bounded_cache import BoundedDict
from kit.graphql.compiler.document_signature import NormalizedOperation, normalize
from kit.graphql.cost import Estimate
from kit.graphql.document_cost import FIELDS, Text
from kit.graphql.flat_document import field_counts, root_fields
from kit.graphql.flat_document import flatten as lines_of
from kit.graphql.one_of_rule import OneOfVariablesRule
from kit.graphql.query_limits import ANONYMOUS_LIMITS, DEFAULTS, Limits, structure_errors
from kit.graphql.variable_reader import Variables
from schema.core.fields import OPEN

CAPACITY: Final = 500
# A parsed document takes up to 500 bytes for each character of its text.
MAX_CHARACTERS: Final = 125_000
"""How many documents, and of how much text, are kept of each kind: seen once, and seen again."""
MAX_ERRORS: Final = 10

_RULES: Final = (*specified_rules, OneOfVariablesRule)


class RequestRejected(Exception):
    """A document, or a request for one of its operations, that can't be run at all."""

    def __init__(self, code: str, errors: list[GraphQLError]) -> None:
        super().__init__(code)
        self.code = code
        self.errors = errors


class Document:
    """A valid document, with what is known of its operations."""

    __slots__ = ("_operations", "ast", "tokens")

    def __init__(self, ast: DocumentNode, tokens: int) -> None:
        self.ast = ast
        self.tokens = tokens
        self._operations: dict[str | None, ParsedOperation] = {}

    def operation(self, name: str | None) -> "ParsedOperation":
        """The operation of this name, or the only one. Raises RequestRejected."""
        known = self._operations.get(name)
        if known is not None:
            return known
        found = get_operation_ast(self.ast, name)
        if found is None:
            text = (
                f"The document has no operation named '{name}'."
                if name
                else "Set `operationName`: the document doesn't have exactly one operation."
            )
            raise RequestRejected("GRAPHQL_VALIDATION_FAILED", [GraphQLError(text)])
        selected = self._operations[name] = ParsedOperation(self, found)
        return selected


class ParsedOperation:
    """One operation of a document, ready to be run; what is found out about it is kept with it."""

    __slots__ = (
        "_estimate",
        "_normalized",
        "_plan_points",
        "_variables",
        "document",
        "kind",
        "name",
        "operation",
        "type",
    )

    def __init__(self, document: Document, operation: OperationDefinitionNode) -> None:
        self.document = document
        self.operation = operation
        self.name = operation.name.value if operation.name else None
        self.type: OperationType = operation.operation
        self.kind: str = operation.operation.value
        self._normalized: NormalizedOperation | None = None
        self._variables: Variables | None = None
        self._estimate: Estimate | None = None
        self._plan_points: int | None = None

    def is_open(self, schema: GraphQLSchema) -> bool:
        """Whether it answers everybody alike: so do all of its root fields, and it has some."""
        root = schema.get_root_type(self.type)
        assert root is not None
        fields = [root.fields[name] for name in self.root_names() if not name.startswith("__")]
        return bool(fields) and all(OPEN in field.extensions for field in fields)

    def root_names(self) -> list[str]:
        """The names of its root fields, as the schema has them."""
        return [each.name.value for each in root_fields(self.document.ast, self.operation)]

    def normalize(self) -> NormalizedOperation:
        """It without its literals, as compiled reads take it."""
        if self._normalized is None:
            self._normalized = normalize(self.document.ast, self.operation)
        return self._normalized

    def variables(self, schema: GraphQLSchema) -> Variables:
        """What reads its variables."""
        if self._variables is None:
            self._variables = Variables.of(schema, self.operation)
        return self._variables

    def estimate(self, schema: GraphQLSchema) -> Estimate:
        """What it costs, as a function of its variables."""
        if self._estimate is None:
            self._estimate = Estimate.of(schema, self.document.ast, self.operation)
        return self._estimate

    def plan_points(self) -> int:
        """What it costs to make a statement for it."""
        if self._plan_points is None:
            *_, fields = field_counts(lines_of(self.document.ast, [self.operation]))
            self._plan_points = 1 + fields // FIELDS
        return self._plan_points


class Documents:
    """Reads the texts that clients send; the valid ones of late are remembered.

    Those that were sent again are kept apart, so that many that are sent once push out none that
    clients use.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._once = _Shelf()
        self._again = _Shelf()

    def known(self, text: str, *, is_anonymous: bool) -> Document | None:
        """The document as it was read before. Raises RequestRejected: too long for strangers."""
        document = self._again.used(text)
        if document is None:
            document = self._once.take(text)
            if document is None:
                return None
            self._again.put(text, document)
        if is_anonymous and document.tokens > ANONYMOUS_LIMITS.tokens:
            raise _too_long(ANONYMOUS_LIMITS)
        return document

    def keep(self, text: str, document: Document) -> None:
        """Remember a document that was read."""
        self._once.put(text, document)

    def read(self, text: str, *, is_anonymous: bool, operation_name: str | None = None) -> Document:
        """The document of a text that isn't known, in any thread. Raises RequestRejected.

        What is needed of the operation with this name is worked out with it.
        """
        limits = ANONYMOUS_LIMITS if is_anonymous else DEFAULTS
        ast = self._checked(text, limits, hide_suggestions=is_anonymous)
        document = Document(ast, Text.of(text, max_tokens=limits.tokens).tokens)
        if get_operation_ast(ast, operation_name) is not None:
            selected = document.operation(operation_name)
            selected.normalize()
            selected.variables(self._schema)
            selected.estimate(self._schema)
        return document

    def _checked(self, text: str, limits: Limits, *, hide_suggestions: bool) -> DocumentNode:
        try:
            ast = parse(text, max_tokens=limits.tokens)
        except GraphQLSyntaxError as error:
            if f"more than {limits.tokens} tokens" in error.message:
                raise _too_long(limits) from error
            raise RequestRejected("GRAPHQL_PARSE_FAILED", [error]) from error
        # Before the rules of GraphQL: some of them are slow on what is over a limit.
        if errors := structure_errors(ast, limits=limits):
            raise RequestRejected("TOO_COMPLEX", errors)
        errors = validate(
            self._schema, ast, _RULES, max_errors=MAX_ERRORS, hide_suggestions=hide_suggestions
        )
        if errors:
            raise RequestRejected("GRAPHQL_VALIDATION_FAILED", errors)
        return ast


class _Shelf:
    """The documents used last, as many as there is room for."""

    def __init__(self) -> None:
        self._documents: BoundedDict[Document] = BoundedDict(CAPACITY)
        self._characters = 0

    def used(self, text: str) -> Document | None:
        """The document, which is then the last that was used."""
        return self._documents.used(text)

    def take(self, text: str) -> Document | None:
        """The document, which doesn't stay."""
        document = self._documents.get(text)
        if document is not None:
            self._drop(text)
        return document

    def put(self, text: str, document: Document) -> None:
        if text not in self._documents:
            self._make_room(len(text))
        self._documents.put(text, document)

    def _make_room(self, characters: int) -> None:
        self._characters += characters
        while (oldest := self._documents.oldest()) and (
            self._characters > MAX_CHARACTERS or len(self._documents) >= CAPACITY
        ):
            self._drop(oldest[0])

    def _drop(self, text: str) -> None:
        self._documents.drop(text)
        self._characters -= len(text)


def _too_long(limits: Limits) -> RequestRejected:
    error = GraphQLError(
        f"Too complex: more than {limits.tokens} tokens.",
        extensions={"code": "TOO_COMPLEX", "limit": limits.tokens},
    )
    return RequestRejected("TOO_COMPLEX", [error])
