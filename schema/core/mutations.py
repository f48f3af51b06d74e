"""Declares mutations: their input, transaction, refusals and payload, from a plain function."""

import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from inspect import Parameter
from operator import attrgetter
from typing import Annotated, Any, Final, TypeVar

import strawberry
from graphql import get_named_type
from strawberry.types import Info
from strawberry.utils.str_converters import to_camel_case
from typing_extensions import Doc

from domain.core.log_events import EventType
from domain.core.refusals import Refusal, refusals_in
from kit.errors import TooComplex
from kit.graphql.cost import Cost
from kit.operation_context import Operation
from permissions.roles import Permission
from resolvers.core.sagas import Saga
from resolvers.core.transactions import IdempotencyKey, MutationResult, perform
from schema.core.arguments import Arguments
from schema.core.changes import Call, CallReader, Change, Payload
from schema.core.directives import EmitsDirective
from schema.core.fields import Read, column, declared_field, described, in_words
from schema.core.global_ids import encode_id
from schema.core.inputs import (
    REFUSED,
    arguments_reader,
    graphql_type,
    input_object,
    is_patch,
    refuse_nulls,
)
from schema.core.user_errors import Shown, UserError

T = TypeVar("T", bound=type)

MUTATION_COST: Final = Cost(10)
EVENTS_COVERED: Final = 10
"""The events of a mutation that its cost covers; each one more costs a point, as for a series."""
KEY: Final = "idempotency_key"
_KEY_INPUT: Final = Annotated[
    str | None,
    Doc(
        "A unique key of your choice that makes it safe to retry the request: at most 255 "
        "characters. The same key with the same input returns the stored result for 24 hours."
    ),
]
DRY_RUN: Final = "dry_run"
_DRY_RUN_INPUT: Final = Annotated[
    bool,
    Doc(
        "Whether to only try the change: the payload and its refusals are the same, but nothing is "
        "stored or sent, and an idempotency key stays unused; if it was used, the stored result is "
        "returned. The ids and references of what would be new are previews, which nothing has "
        "later."
    ),
]


FollowUp = Callable[[Operation, Any], Awaitable[None]]

FOLLOW_UPS: Final[defaultdict[type, list[FollowUp]]] = defaultdict(list)
"""The follow-ups of each model, which areas register by their ``AREA``."""


async def follow_up(operation: Operation, changed: Any) -> None:
    """Runs the follow-ups of later areas for rows whose change is committed."""
    for row in changed if isinstance(changed, list) else [changed]:
        for follow in FOLLOW_UPS[type(row)]:
            await follow(operation, row)


def payload(cls: T) -> T:
    """Declares the payload of a mutation: its results, and ``userErrors``.

    If there are several results, the mutation's function returns an object with an attribute for
    each.
    """
    for name, annotation in cls.__annotations__.items():
        many = getattr(annotation, "__origin__", None) is list
        if name == "replayed":
            setattr(cls, name, column("Whether this is the stored result of an earlier request."))
        elif not hasattr(cls, name):
            setattr(cls, name, column(unless_refused(f"The {in_words(name)}", empty=many)))
    cls.__annotations__["user_errors"] = list[UserError]
    cls.user_errors = column("Why the mutation was refused; empty if it succeeded.")  # type: ignore[attr-defined]
    return strawberry.type(cls, description=described(cls))


def unless_refused(result: str, *, empty: bool = False) -> str:
    """Returns the description of a payload's field that is null or empty after a refusal."""
    nothing = "empty" if empty else "null"
    return f"{result}, or {nothing} if the mutation was refused; see `userErrors`."


def deleted_id(type_name: str) -> Any:
    """Declares a payload's field with the id of a deleted object, from its uuid."""

    def reads(_: str, field_name: str) -> Read:
        attribute = attrgetter(field_name)

        def read(root: Any, _: Operation) -> str | None:
            id = attribute(root)
            return None if id is None else encode_id(type_name, id)

        return read

    return declared_field(
        None,
        unless_refused(f"The id of the deleted {in_words(type_name)}, to remove it from caches"),
        requires=None,
        reads=reads,
        plain=True,
    )


def mutation(
    change: Callable[..., Any],
    *,
    requires: Permission,
    finds_by: Permission | None = None,
    needs: Permission | None = None,
    emits: Sequence[EventType] = (),
    idempotent: bool = False,
    hashes: bool = False,
    wrapped: bool = True,
    input_required: bool = True,
    personal: bool = False,
    at_once: bool = False,
    dry_run: bool = False,
    then: FollowUp | None = None,
) -> Any:
    """Declares a mutation that runs ``change(scope, id, *, version, **input)``.

    It runs in one transaction; a ``change`` whose first parameter is a ``Saga`` has several, and
    returns a ``MutationResult`` if it has replayed one.

    ``id`` and ``version`` are arguments of the field; the other parameters are the fields of
    ``input``, unless ``wrapped`` is False. A parameter that is itself called ``input`` is the whole
    object. ``finds_by`` and ``needs`` are permissions that the description mentions: without the
    first one, the caller sees no object to change; ``change`` itself checks the other.
    ``idempotent`` adds an idempotency key. ``hashes`` marks a mutation that hashes a password,
    which an operation may do once. ``personal`` marks a PUBLIC mutation whose effect depends on the
    caller. ``at_once`` lets ``change`` store all of itself in one statement. ``dry_run`` adds an
    argument of that name, last, by which callers try the change. ``then`` is called with the result
    after the commit, before the selection set is resolved.
    """
    name = to_camel_case(change.__name__)
    first = next(iter(inspect.signature(change).parameters.values()))
    is_saga = first.annotation is Saga
    assert not (is_saga and dry_run), "what a saga has sent can't be taken back"
    declared = Arguments.of(change, skip=1)
    outside = {"id", "version"} if wrapped else set(declared.annotations)
    if dry_run:
        has_input = idempotent or not outside.issuperset(declared.annotations)
        declared = declared.also(DRY_RUN, _DRY_RUN_INPUT, default=False)
        outside |= set() if has_input else {DRY_RUN}
    inner = declared.without(*outside)
    outer = declared.without(*inner.annotations)
    parameters = outer.parameters()
    if inner.annotations or idempotent:
        kind = _input(name, inner, idempotent=idempotent)
        parameters.append(_input_parameter(name, kind, required=input_required))

    read = _call_reader(outer, inner, idempotent=idempotent)

    async def carry_out(operation: Operation, answer: Payload, call: Call) -> Any:
        values, key, refused = call
        tries = values.pop(DRY_RUN, False) if dry_run else False
        if hashes:
            _hash_once(operation)
        await operation.undo()
        outcome: MutationResult[Any] | None = None
        try:
            refused += refuse_nulls(declared.annotations, values)
            if refused:
                raise ExceptionGroup("refused", refused)
            caller = operation.runtime, operation.actor, operation.request
            wanted = None if key is None else IdempotencyKey(key, name, _given(declared, values))
            if is_saga:
                result = await change(_saga(operation, wanted), **values)
                is_told = isinstance(result, MutationResult)
                outcome = result if is_told else MutationResult(result)
            else:
                outcome = await perform(
                    *caller,
                    lambda scope: change(scope, **values),
                    key=wanted,
                    at_once=at_once,
                    showing=operation.showing,
                    dry_run=tries,
                )
                operation.shown = outcome.shown
                if outcome.events > EVENTS_COVERED and operation.charge_excess is not None:
                    operation.charge_excess(outcome.events - EVENTS_COVERED)
        except* Refusal as group:
            refused = list(refusals_in(group))
        finally:
            # The selection set is read from the state after the change.
            await operation.release()
        if outcome is None:
            operation.refused = [*operation.refused, *(each.code.value for each in refused)]
            shown = [Shown(each, _api_path(each, declared, inner.annotations)) for each in refused]
            return answer.refused(shown)
        if outcome.uncommitted is not None:
            operation.read_from(outcome.uncommitted)
        elif then is not None:
            await then(operation, outcome.result)
        return answer.done(outcome)

    async def resolve(info: Info[Operation], **given: Any) -> Any:
        argument = given.pop("input", None)
        values = outer.decoded(given)
        refused: list[Refusal] = []
        key = None
        if isinstance(argument, dict):
            refused = argument.pop(REFUSED)
            key = argument.pop(KEY, None)
            values |= argument
        elif argument is not None:
            values["input"] = argument
        answer = Payload.of(get_named_type(info._raw_info.return_type))
        return await carry_out(info.context, answer, Call(values, key, refused))

    resolve.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=Info), *parameters]
    )
    return declared_field(
        resolve,
        described(change) + _also_requires(finds_by, needs),
        requires=requires,
        cost=MUTATION_COST,
        directives=(EmitsDirective(events=list(emits)),) if emits else (),
        make=strawberry.mutation,
        personal=personal,
        change=None if read is None else Change(requires, read, carry_out),
    )


def _saga(operation: Operation, key: IdempotencyKey | None) -> Saga:
    return Saga(
        operation.runtime,
        operation.actor,
        operation.request,
        key,
        operation.charge_excess or _nothing,
        operation.extend_deadline or _nothing,
    )


def _nothing(_: float) -> None:
    """Does nothing."""


def _also_requires(*permissions: Permission | None) -> str:
    named = " and ".join(f"`{each}`" for each in permissions if each is not None)
    return f"\n\nAlso requires {named}." if named else ""


def _call_reader(outer: Arguments, inner: Arguments, *, idempotent: bool) -> CallReader | None:
    """Returns the function that reads coerced arguments; None if Strawberry has to read them.

    It does for changes of single fields: a field that is left out isn't one that is null.
    """
    kinds = {**outer.annotations, **inner.annotations}
    if any(is_patch(kind) for kind in kinds.values()):
        return None
    read_outer = arguments_reader(outer.annotations)
    if "input" in inner.annotations:
        read_whole = arguments_reader(inner.annotations)
        return lambda given: Call({**read_outer(given), **read_whole(given)}, None, [])
    read_inner = arguments_reader(
        {KEY: _KEY_INPUT, **inner.annotations} if idempotent else inner.annotations
    )

    def read(given: Mapping[str, Any]) -> Call:
        values = read_outer(given)
        key = None
        if (argument := given.get("input")) is not None:
            values |= read_inner(argument)
            key = values.pop(KEY, None)
        return Call(values, key, [])

    return read


def _hash_once(operation: Operation) -> None:
    """Refuses a second hash: each costs as much as thousands of points."""
    if operation.has_hashed:
        raise TooComplex("Only one mutation of an operation may check or set a password.")
    operation.has_hashed = True


def _given(declared: Arguments, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values that identify a call, without nulls that mean the same as no value."""
    return {
        name: value
        for name, value in values.items()
        if value is not None or is_patch(declared.annotations[name])
    }


def _input(name: str, inner: Arguments, *, idempotent: bool) -> Any:
    if "input" in inner.annotations:
        return graphql_type(inner.annotations["input"])
    fields = {each: (kind, inner.defaults[each]) for each, kind in inner.annotations.items()}
    if idempotent:
        fields = {KEY: (_KEY_INPUT, None), **fields}
    title = f"{name[0].upper()}{name[1:]}Input"
    description = f"The arguments of `{name}`."
    if any(is_patch(kind) for kind, _ in fields.values()):
        description += " A field that is left out keeps its value."
    return input_object(title, description, fields)


def _input_parameter(mutation: str, kind: Any, *, required: bool) -> Parameter:
    accepted = kind if required else kind | None
    described_kind: Any = Annotated[
        accepted, strawberry.argument(description=f"The arguments of `{mutation}`.")
    ]
    return Parameter(
        "input",
        Parameter.KEYWORD_ONLY,
        annotation=described_kind,
        default=Parameter.empty if required else strawberry.UNSET,
    )


def _api_path(refusal: Refusal, declared: Arguments, inner: Container[str]) -> list[str] | None:
    """Returns the path of a refusal in the client's arguments: camel case, below ``input``."""
    if not refusal.path or refusal.path[0] not in (*declared.annotations, KEY):
        return None
    path = [to_camel_case(step) if isinstance(step, str) else str(step) for step in refusal.path]
    first = refusal.path[0]
    in_input = first in inner or first == KEY
    return ["input", *path] if in_input and first != "input" else path
