"""Names of the schema are safe for gateways and code generators."""

from collections.abc import Iterator, Mapping
from typing import Final

from graphql import (
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
    is_specified_directive,
)

from schema import schema

BUILT: Final = schema._schema

# Directives that gateways read as their own, whoever defines them.
FEDERATION: Final = """
    key requires provides external extends
    link shareable inaccessible tag override composeDirective interfaceObject
    authenticated requiresScopes policy context fromContext cost listSize cacheTag
    core contact connect source defer stream
"""
HIVE: Final = """
    additionalField canonical computed discriminator enum example globalOptions graphql hive
    httpOperation length live merge meta oneOf pubsubOperation rateLimit regexp resolveRoot
    resolveRootField resolveTo rest source statusCodeOneOfIndex transport typescript
"""
COSMO: Final = "semanticNonNull specifiedBy"

# Types and root fields that federation adds to a subgraph.
ADDED: Final = """
    _Any _Entity _FieldSet _Service FieldSet ContextFieldValue Policy Scope Import Purpose
    _entities _service
"""

# Words that can't name a variable or property there without an escape, as of 2026.
RESERVED: Final[Mapping[str, str]] = {
    "C#": """
        abstract as base bool break byte case catch char checked class const continue decimal
        default delegate do double else enum event explicit extern false finally fixed float for
        foreach goto if implicit in int interface internal is lock long namespace new null object
        operator out override params private protected public readonly ref return sbyte sealed
        short sizeof stackalloc static string struct switch this throw true try typeof uint ulong
        unchecked unsafe ushort using virtual void volatile while
    """,
    "Dart": """
        assert await break case catch class const continue default do else enum extends false
        final finally for if in is new null rethrow return super switch this throw true try var
        void while with yield
    """,
    "Java": """
        abstract assert boolean break byte case catch char class const continue default do double
        else enum extends false final finally float for goto if implements import instanceof int
        interface long native new null package private protected public return short static
        strictfp super switch synchronized this throw throws transient true try void volatile while
    """,
    "Kotlin": """
        as break class continue do else false for fun if in interface is null object package
        return super this throw true try typealias typeof val var when while
    """,
    "Swift": """
        Any Protocol Self Type as associatedtype break case catch class continue default defer
        deinit do else enum extension fallthrough false fileprivate for func guard if import in
        init inout internal is let nil open operator precedencegroup private protocol public
        repeat rethrows return self static struct subscript super switch throw throws true try
        typealias var where while
    """,
    "TypeScript": """
        await break case catch class const continue debugger default delete do else enum export
        extends false finally for function if implements import in instanceof interface let new
        null package private protected public return static super switch this throw true try
        typeof var void while with yield
    """,
}
# These stay: clients send the first three, calendars call it so, and the others are the words of
# the trade, or of what a venue asks for.
KEPT: Final = {
    "CustomerInput.new",
    "IdFilter.in",
    "StatusFilter.in",
    "SeriesScope.THIS",
    "InvoiceStatus.OPEN",
    "InvoiceStatus.VOID",
    "CreateImportPayload.import",
    "UndoImportPayload.import",
    "Query.import",
    "TicketStatus.NEW",
    "TicketStatus.OPEN",
}


def test_no_directive_is_one_that_gateways_read() -> None:
    theirs = {*FEDERATION.split(), *HIVE.split(), *COSMO.split()}

    ours = {each.name for each in BUILT.directives if not is_specified_directive(each)}

    assert ours == {"permission", "points", "emits"}
    assert ours & theirs == set()
    # Such a prefix is how they name the rest of theirs.
    assert [name for name in ours if "__" in name] == []


def test_no_name_is_one_that_federation_adds() -> None:
    # Gateways call theirs `link__Import` by default, and ours is what venues call it.
    assert {name for _, name in names()} & {*ADDED.split()} == {"Import"}


def test_no_new_name_is_a_reserved_word_of_a_clients_language() -> None:
    words = {word for language in RESERVED.values() for word in language.split()}

    reserved = {where for where, name in names() if name in words}

    assert reserved == KEPT


def names() -> Iterator[tuple[str, str]]:
    """Yields every name that is ours, and where it is; values of enums as generators write them."""
    for type_name, kind in BUILT.type_map.items():
        if type_name.startswith("__"):
            continue
        yield type_name, type_name
        if is_enum_type(kind):
            yield from ((f"{type_name}.{value}", value.lower()) for value in kind.values)
        if is_input_object_type(kind):
            yield from ((f"{type_name}.{name}", name) for name in kind.fields)
        if is_object_type(kind) or is_interface_type(kind):
            for name, field in kind.fields.items():
                yield f"{type_name}.{name}", name
                yield from ((f"{type_name}.{name}({each}:)", each) for each in field.args)
