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

from kit.compiled.documents import Outline, outline
from kit.cost import Estimate
from kit.limits import DEFAULTS, Limits, structure_errors
from kit.one_of import OneOfVariablesRule
from kit.outline import root_fields
from kit.recent import Recent
from kit.variables import Variables
from schema.fields import OPEN

CAPACITY: Final = 1_000
# A parsed document takes up to 500 bytes for each character of its text.
MAX_CHARACTERS: Final = 250_000
MAX_ERRORS: Final = 10

_RULES: Final = (*specified_rules, OneOfVariablesRule)


class Rejected(Exception):
    """A document, or a request for one of its operations, that can't be run at all."""

    def __init__(self, code: str, errors: list[GraphQLError]) -> None:
        super().__init__(code)
        self.code = code
        self.errors = errors


class Document:
    """A valid document, with what is known of its operations."""

    __slots__ = ("_operations", "ast")

    def __init__(self, ast: DocumentNode) -> None:
        self.ast = ast
        self._operations: dict[str | None, Selected] = {}

    def operation(self, name: str | None) -> "Selected":
        """The operation of this name, or the only one. Raises Rejected."""
        known = self._operations.get(name)
        if known is not None:
            return known
        found = get_operation_ast(self.ast, name)
        if found is None:
            text = (
                f"The document has no operation named '{name}'."
                if name
                else "Name the operation to run: the document doesn't have exactly one."
            )
            raise Rejected("GRAPHQL_VALIDATION_FAILED", [GraphQLError(text)])
        selected = self._operations[name] = Selected(self, found)
        return selected


class Selected:
    """One operation of a document, ready to be run; what is found out about it is kept with it."""

    __slots__ = (
        "_estimate",
        "_outline",
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
        self._outline: Outline | None = None
        self._variables: Variables | None = None
        self._estimate: Estimate | None = None

    def is_open(self, schema: GraphQLSchema) -> bool:
        """Whether it answers everybody alike: so do all of its root fields, and it has some."""
        root = schema.get_root_type(self.type)
        assert root is not None
        names = [each.name.value for each in root_fields(self.document.ast, self.operation)]
        fields = [root.fields[name] for name in names if not name.startswith("__")]
        return bool(fields) and all(OPEN in field.extensions for field in fields)

    def outline(self) -> Outline:
        """It without its literals, as compiled reads take it."""
        if self._outline is None:
            self._outline = outline(self.document.ast, self.operation)
        return self._outline

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


class Documents:
    """Reads the texts that clients send; the valid ones of late are remembered."""

    def __init__(self, schema: GraphQLSchema, *, limits: Limits = DEFAULTS) -> None:
        self._schema = schema
        self._limits = limits
        self._recent: Recent[Document] = Recent(CAPACITY)
        self._characters = 0

    def select(
        self, text: str, operation_name: str | None, *, hide_suggestions: bool = False
    ) -> Selected:
        """The operation to run. Raises Rejected."""
        document = self._recent.get(text)
        if document is None:
            document = Document(self._checked(text, hide_suggestions=hide_suggestions))
            self._make_room(len(text))
        self._recent.put(text, document)
        return document.operation(operation_name)

    def _make_room(self, characters: int) -> None:
        self._characters += characters
        while (oldest := self._recent.oldest()) and (
            self._characters > MAX_CHARACTERS or len(self._recent) >= CAPACITY
        ):
            self._recent.drop(oldest[0])
            self._characters -= len(oldest[0])

    def _checked(self, text: str, *, hide_suggestions: bool) -> DocumentNode:
        try:
            ast = parse(text, max_tokens=self._limits.tokens)
        except GraphQLSyntaxError as error:
            is_long = f"more than {self._limits.tokens} tokens" in error.message
            code = "TOO_COMPLEX" if is_long else "GRAPHQL_PARSE_FAILED"
            raise Rejected(code, [error]) from error
        # Before the rules of GraphQL: some of them are slow on what is over a limit.
        if errors := structure_errors(ast, limits=self._limits):
            raise Rejected("TOO_COMPLEX", errors)
        errors = validate(
            self._schema, ast, _RULES, max_errors=MAX_ERRORS, hide_suggestions=hide_suggestions
        )
        if errors:
            raise Rejected("GRAPHQL_VALIDATION_FAILED", errors)
        return ast
