"""Converts Python types to GraphQL input types, and the values of arguments back.

Functions declare their arguments with types of the domain. ``RoomId`` becomes an ``ID`` that holds
a room's uuid, ``X | Absent`` an optional argument, and a dataclass declared by ``input_type`` an
input object.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import partial
from inspect import Parameter
from types import NoneType, UnionType
from typing import Annotated, Any, Final, NewType, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import strawberry
from strawberry.types.arguments import InputContext
from strawberry.types.base import get_object_definition
from strawberry.utils.str_converters import to_camel_case
from typing_extensions import Doc

from domain.core.ids import NodeId
from domain.core.patch import ABSENT, Absent
from domain.core.refusals import Invalid, Refusal, Required
from domain.core.text import (
    MAX_LONG_LENGTH,
    MAX_MARKDOWN_LENGTH,
    MAX_PHRASE_LENGTH,
    MAX_SEARCH_LENGTH,
    MAX_TEXT_LENGTH,
    MAX_TOKEN_LENGTH,
    LongText,
    MarkdownText,
    PhraseText,
    SearchText,
    TokenText,
)
from kit.errors import BadInput
from kit.graphql.deferred import deferrable
from models.core.filters import DateTimeRange, IdFilter
from schema.core.global_ids import decode_id, read_id

Decoder = Callable[[Any], Any]

_INPUTS: Final[dict[type, type]] = {}
_READERS: Final[dict[type, Decoder]] = {}
_LENGTHS: Final[dict[Any, int]] = {
    SearchText: MAX_SEARCH_LENGTH,
    LongText: MAX_LONG_LENGTH,
    MarkdownText: MAX_MARKDOWN_LENGTH,
    PhraseText: MAX_PHRASE_LENGTH,
    TokenText: MAX_TOKEN_LENGTH,
}
"""The maximum length of texts of these types; of all others, it is MAX_TEXT_LENGTH."""
REFUSED: Final = "refused"
"""The key under which the outermost input returns the refusals of its values."""


def input_type(
    value: type,
    description: str,
    *,
    name: str,
    one_of: bool = False,
    nulls: bool = True,
    **docs: str,
) -> type:
    """Declares a dataclass as an input object; ``docs`` describes each of its fields.

    Without ``nulls``, null is refused, and an optional field has to be left out instead.
    """
    hints = get_type_hints(value)
    parameters = {}
    for each in fields(value):
        default = Parameter.empty if each.default is MISSING else each.default
        parameters[each.name] = Annotated[hints[each.name], Doc(docs.pop(each.name))], default
    if docs:
        raise TypeError(f"{name} has no field {', '.join(docs)}")
    build = value if nulls else _without_nulls(value)
    return input_object(name, description, parameters, stands_for=value, build=build, one_of=one_of)


def input_object(
    name: str,
    description: str,
    parameters: Mapping[str, tuple[Any, Any]],
    *,
    stands_for: type | None = None,
    build: Callable[..., Any] | None = None,
    one_of: bool = False,
) -> type:
    """Declares an input object with a field for each parameter, by name: annotation and default.

    It is converted to the type that it ``stands_for``, which ``build`` makes of the fields; without
    that type, to a dict, as mutations expect it.
    """
    annotations: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    decoders: dict[str, Decoder] = {}
    for parameter, (annotation, default) in parameters.items():
        annotations[parameter] = (
            _maybe(graphql_type(_without(undoc(annotation), NoneType)))
            if one_of
            else graphql_type(annotation)
        )
        decoders[parameter] = decoder(annotation)
        options: dict[str, Any] = {"description": doc_of(annotation, f"{name}.{parameter}")}
        if not one_of and default is not Parameter.empty and not is_patch(annotation):
            options["default"] = strawberry.UNSET if default is None else default
        attributes[parameter] = strawberry.field(**options)
    cls = type(name, (), {"__annotations__": annotations, "__module__": __name__, **attributes})
    made = strawberry.input(cls, name=name, description=description, one_of=one_of)
    definition = get_object_definition(made, strict=True)

    def from_input(_: type, given: Mapping[str, Any], context: InputContext) -> Any:
        values: dict[str, Any] = {}
        refused: list[Refusal] = []
        for field in definition.fields:
            key = context.config.name_converter.from_field(field)
            if key not in given:
                continue
            kind = field.resolve_type(type_definition=definition)
            try:
                value = context.convert(given[key], kind, key)
                values[field.python_name] = decode(
                    value, decoders[field.python_name], f"{name}.{key}"
                )
            except Refusal as refusal:
                refusal.path = (field.python_name, *refusal.path)
                refused.append(refusal)
        if stands_for is None:
            return {**values, REFUSED: refused}
        try:
            if refused:
                raise refused[0]
            return (build or stands_for)(**values)
        except Refusal as refusal:
            # The outer input adds the path of an inner one; the outermost adds its argument's name.
            if len(context.path) == 1:
                refusal.path = (*context.path, *refusal.path)
            raise

    definition.from_input = from_input
    if stands_for is not None:
        _INPUTS[stands_for] = made
        _READERS[stands_for] = _object_reader(parameters, build or stands_for)
    return made


def graphql_type(annotation: Any) -> Any:
    """Returns Strawberry's annotation for an argument of a Python type."""
    bare = undoc(annotation)
    if is_patch(bare):
        return _maybe(graphql_type(_without(bare, Absent)) | None)
    if _is_union(bare):
        inner = _without(bare, NoneType)
        return graphql_type(inner) | None if inner != bare else bare
    if get_origin(bare) in (list, tuple):
        return list[graphql_type(get_args(bare)[0])]  # type: ignore[misc]
    if isinstance(bare, NewType) and bare.__supertype__ is UUID:
        return strawberry.ID
    if bare in _LENGTHS:
        return str
    return strawberry.ID if bare is UUID else _INPUTS.get(bare, bare)


def decoder(annotation: Any) -> Decoder:
    """Returns the function that converts Strawberry's value of an argument to a Python type."""
    bare = undoc(annotation)
    if is_patch(bare):
        # `refuse_nulls` refuses a null of a field that can't be cleared, with the other refusals.
        inner = decoder(_without(bare, Absent) | None)
        return lambda value: ABSENT if value is None else inner(_some(value))
    if _is_union(bare):
        inner = decoder(_without(bare, NoneType))
        return lambda value: None if value is None else inner(_some(value))
    if get_origin(bare) in (list, tuple):
        inner = decoder(get_args(bare)[0])
        return lambda value: tuple(inner(item) for item in value)
    if isinstance(bare, NewType) and bare.__supertype__ is UUID:
        if bare is NodeId:
            return deferrable(lambda value: read_id(value)[1])
        type_name = bare.__name__.removesuffix("Id")
        return deferrable(partial(decode_id, type_name))
    if bare is UUID:
        return deferrable(lambda value: read_id(value)[1])
    if bare is str or bare in _LENGTHS:
        return deferrable(partial(_storable, most=_LENGTHS.get(bare, MAX_TEXT_LENGTH)))
    return _some


def decode(value: Any, with_: Decoder, where: str) -> Any:
    """Returns the decoded value. Raises BadInput, whose message begins with ``where``."""
    try:
        return with_(value)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error


def reader(annotation: Any) -> Decoder:
    """Returns the same as ``decoder``, for a plain value that graphql-core has coerced."""
    bare = undoc(annotation)
    if _is_union(bare):
        inner = reader(_without(bare, NoneType))
        return lambda value: None if value is None else inner(value)
    if get_origin(bare) in (list, tuple):
        inner = reader(get_args(bare)[0])
        return lambda value: tuple([inner(item) for item in value])
    # An input may be declared after the function that takes it.
    return (lambda value: _READERS[bare](value)) if bare in _INPUTS else decoder(bare)


def arguments_reader(
    parameters: Mapping[str, Any],
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Returns the function that reads all arguments of a field, or fields of an input, by name."""
    readers = [(name, graphql_name(name), reader(kind)) for name, kind in parameters.items()]

    def read(given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: each(given[key]) for name, key, each in readers if key in given}

    return read


def graphql_name(name: str) -> str:
    """Returns a name in camel case, without the final underscore of ``in_`` and the like."""
    return to_camel_case(name.rstrip("_"))


def _without_nulls(value: type) -> Callable[..., Any]:
    """Returns a function that makes a value, and raises Invalid for a field that is null."""

    def build(**given: Any) -> Any:
        for name, each in given.items():
            if each is None:
                raise Invalid(
                    f"`{graphql_name(name)}` can't be null; leave it out instead.", path=(name,)
                )
        return value(**given)

    return build


def _object_reader(parameters: Mapping[str, tuple[Any, Any]], build: Callable[..., Any]) -> Decoder:
    read = arguments_reader({name: kind for name, (kind, _) in parameters.items()})
    return lambda given: build(**read(given))


def refuse_nulls(parameters: Mapping[str, Any], values: Mapping[str, Any]) -> list[Required]:
    """Returns a refusal for each null of a field that can be left out but not cleared."""
    return [
        Required(path=(name,))
        for name, value in values.items()
        if value is None and is_patch(parameters[name]) and not is_nullable(parameters[name])
    ]


def is_patch(annotation: Any) -> bool:
    """Returns whether an argument can be left out to keep a value."""
    bare = undoc(annotation)
    return _is_union(bare) and Absent in get_args(bare)


def is_nullable(annotation: Any) -> bool:
    bare = undoc(annotation)
    return _is_union(bare) and NoneType in get_args(bare)


def undoc(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def doc_of(annotation: Any, where: str) -> str:
    """Returns the description in an annotation. Raises TypeError if there is none."""
    for extra in get_args(annotation)[1:] if get_origin(annotation) is Annotated else ():
        if isinstance(extra, Doc):
            return extra.documentation
    raise TypeError(f'{where} has no description; annotate it: Annotated[<type>, Doc("…")]')


def _maybe(kind: Any) -> Any:
    return strawberry.Maybe[kind]  # type: ignore[misc]


def _some(value: Any) -> Any:
    return value.value if type(value) is strawberry.Some else value


def _storable(value: Any, *, most: int) -> Any:
    text = _some(value)
    if isinstance(text, str):
        if len(text) > most:
            raise Invalid(f"At most {most:,} characters.")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise BadInput("Text can't contain lone surrogates.") from error
        if "\x00" in text:
            raise BadInput("Text can't contain NUL characters.")
    return text


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType)


def _without(annotation: Any, member: type) -> Any:
    if not _is_union(annotation):
        return annotation
    rest = tuple(each for each in get_args(annotation) if each is not member)
    return Union[rest]  # noqa: UP007


# Filters of all areas use these two, so they are declared before any area is imported.
input_type(
    DateTimeRange,
    "A range of time that includes its start and excludes its end. Leave a field out for "
    "a range without that bound.",
    name="DateTimeRange",
    gte="The start of the range, included.",
    lt="The end of the range, excluded.",
)

input_type(
    IdFilter,
    "A filter by id. An id that does not exist matches nothing.",
    name="IdFilter",
    nulls=False,
    eq="Match only the object with this id.",
    in_="Match the objects with any of these ids: at most 100.",
)
