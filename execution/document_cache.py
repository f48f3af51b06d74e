"""Caches parsed and validated documents."""

from typing import Final

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    VariableValues,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from execution.known_mutations import KnownMutation
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
"""The capacity of each segment: documents used once, and documents used again."""
MAX_ERRORS: Final = 10
MAX_NAME: Final = 100
"""The characters of an operation's name in the logs."""

_RULES: Final = (*specified_rules, OneOfVariablesRule)


class RequestRejected(Exception):
    """A document, or a request for one of its operations, is invalid or over a limit."""

    def __init__(self, code: str, errors: list[GraphQLError]) -> None:
        super().__init__(code)
        self.code = code
        self.errors = errors


class Document:
    """A valid document and its parsed operations."""

    __slots__ = ("_operations", "ast", "fragments", "tokens")

    def __init__(self, ast: DocumentNode, tokens: int) -> None:
        self.ast = ast
        self.tokens = tokens
        self.fragments = {
            each.name.value: each
            for each in ast.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._operations: dict[str | None, ParsedOperation] = {}

    def operation(self, name: str | None) -> "ParsedOperation":
        """Returns the operation of this name, or the only one. Raises RequestRejected."""
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
    """One operation of a document, with everything that is computed once per operation."""

    __slots__ = (
        "_estimate",
        "_is_prepared",
        "_mutation",
        "_normalized",
        "_plan_points",
        "_variables",
        "document",
        "kind",
        "log_name",
        "name",
        "operation",
        "type",
    )

    def __init__(self, document: Document, operation: OperationDefinitionNode) -> None:
        self.document = document
        self.operation = operation
        self.name = operation.name.value if operation.name else None
        self.log_name = self.name[:MAX_NAME] if self.name else None
        self.type: OperationType = operation.operation
        self.kind: str = operation.operation.value
        self._normalized: NormalizedOperation | None = None
        self._variables: Variables | None = None
        self._estimate: Estimate | None = None
        self._plan_points: int | None = None
        self._mutation: KnownMutation | None = None
        self._is_prepared = False

    def is_open(self, schema: GraphQLSchema) -> bool:
        """Returns whether it needs no credentials: all of its root fields are open."""
        root = schema.get_root_type(self.type)
        assert root is not None
        fields = [root.fields[name] for name in self.root_names() if not name.startswith("__")]
        return bool(fields) and all(OPEN in field.extensions for field in fields)

    def root_names(self) -> list[str]:
        """Returns the names of its root fields in the schema."""
        return [each.name.value for each in root_fields(self.document.ast, self.operation)]

    def normalize(self) -> NormalizedOperation:
        """Returns the operation without its literals, for compiled reads."""
        if self._normalized is None:
            self._normalized = normalize(self.document.ast, self.operation)
        return self._normalized

    def variables(self, schema: GraphQLSchema) -> Variables:
        """Returns the reader of its variables."""
        if self._variables is None:
            self._variables = Variables.of(schema, self.operation)
        return self._variables

    def estimate(self, schema: GraphQLSchema) -> Estimate:
        """Returns the estimate of its cost."""
        if self._estimate is None:
            self._estimate = Estimate.of(schema, self.document.ast, self.operation)
        return self._estimate

    def mutation(self, schema: GraphQLSchema, variables: VariableValues) -> KnownMutation | None:
        """Returns its only mutation, prepared to run; None if it has to be executed."""
        # Directives may depend on booleans, and decide what is selected.
        if any(each.__class__ is bool for each in variables.coerced.values()):
            return None
        if not self._is_prepared:
            try:
                self._mutation = KnownMutation.of(schema, self.normalize(), variables)
            except GraphQLError:
                # A boolean of a directive is null: the executor says where.
                return None
            self._is_prepared = True
        return self._mutation

    def plan_points(self) -> int:
        """Returns the points that compiling a plan for it costs."""
        if self._plan_points is None:
            *_, fields = field_counts(lines_of(self.document.ast, [self.operation]))
            self._plan_points = 1 + fields // FIELDS
        return self._plan_points


class Documents:
    """Parses, validates and caches documents.

    Documents that were used again are in a segment of their own, so that many documents that are
    sent once don't evict them.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._once = _Segment()
        self._again = _Segment()

    def known(self, text: str, *, is_anonymous: bool) -> Document | None:
        """Returns a cached document. Raises RequestRejected if too long for the caller."""
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
        """Caches a document."""
        self._once.put(text, document)

    def read(self, text: str, *, is_anonymous: bool, operation_name: str | None = None) -> Document:
        """Parses and validates a document, in any thread. Raises RequestRejected.

        Everything that the named operation needs is computed too.
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
        # Before GraphQL's own rules, some of which are slow on documents over a limit.
        if errors := structure_errors(ast, limits=limits):
            raise RequestRejected("TOO_COMPLEX", errors)
        errors = validate(
            self._schema, ast, _RULES, max_errors=MAX_ERRORS, hide_suggestions=hide_suggestions
        )
        if errors:
            raise RequestRejected("GRAPHQL_VALIDATION_FAILED", errors)
        return ast


class _Segment:
    """An LRU cache of documents, bounded in number and in characters."""

    def __init__(self) -> None:
        self._documents: BoundedDict[Document] = BoundedDict(CAPACITY)
        self._characters = 0

    def used(self, text: str) -> Document | None:
        """Returns a document and makes it the most recently used."""
        return self._documents.used(text)

    def take(self, text: str) -> Document | None:
        """Removes a document and returns it."""
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
