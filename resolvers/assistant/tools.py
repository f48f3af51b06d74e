"""The tools that a model may call: what they take, who has them, and how a call is run.

A tool runs with the caller's permissions, as the field of the API does that shows the same. What it
returns is data for the model; an error is returned too, so that the model can go on.
"""

import types
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Union, get_args, get_origin
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from domain.assistant.citations import Source
from domain.assistant.conversations import MAX_ARGUMENTS_LENGTH, MAX_RESULT_LENGTH
from domain.core.local_time import zone
from domain.core.refusals import Refusal, refusals_in
from integrations.assistant.protocol import Tool
from kit.actor import Actor, Request
from kit.errors import RequestError
from kit.runtime import Runtime
from kit.scope import Scope
from models.tenants import Tenant
from permissions.policy import is_guest, may, only_own
from permissions.roles import Permission

_MAX_SOURCES: Final = 60

log = structlog.get_logger(__name__)


class Parameters(BaseModel):
    """The parameters of a tool. All are required in its schema; one that is missing counts as null.

    A model is to write each of them, so that it thinks of each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _nulls(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        optional = (
            name for name, field in cls.model_fields.items() if _takes_null(field.annotation)
        )
        return {**dict.fromkeys(optional), **given}


def _takes_null(annotation: Any) -> bool:
    is_union = get_origin(annotation) in (Union, types.UnionType)
    return is_union and type(None) in get_args(annotation)


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom tools are called, and in which conversation. ``locale`` is the person's language."""

    runtime: Runtime
    actor: Actor
    request: Request
    tenant: Tenant
    conversation_id: UUID
    message_id: UUID
    locale: str

    @property
    def zone(self) -> ZoneInfo:
        return zone(self.tenant.time_zone)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Scope]:
        """Opens a scope that only reads, with the caller's permissions."""
        scope = Scope(self.runtime, self.actor, self.request)
        try:
            yield scope
        finally:
            await scope.close()


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool returns: the content for the model, and the sources that it may cite."""

    content: Mapping[str, Any]
    sources: Sequence[Source] = ()
    is_error: bool = False

    def printed(self) -> str:
        """Returns it as JSON, cut where it would be too long: the model is told so."""
        cited = [{"id": each.id, "label": each.label} for each in self.sources[:_MAX_SOURCES]]
        text = orjson.dumps({**self.content, "citations": cited}).decode()
        if len(text) <= MAX_RESULT_LENGTH:
            return text
        shorter = dict(self.content)
        lists = [name for name, value in shorter.items() if isinstance(value, list)]
        while len(text) > MAX_RESULT_LENGTH and any(shorter[name] for name in lists):
            longest = max(lists, key=lambda name: len(shorter[name]))
            shorter[longest] = shorter[longest][: len(shorter[longest]) // 2]
            text = orjson.dumps({**shorter, "is_cut": True, "citations": []}).decode()
        return text if len(text) <= MAX_RESULT_LENGTH else _TOO_LONG


_TOO_LONG: Final = orjson.dumps(
    {"error": {"code": "TOO_LONG", "message": "Ask for less at once."}, "citations": []}
).decode()


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool: ``requires`` is the permission of the field that shows the same.

    ``for_guests``: the public page shows the same to everybody. Without ``for_team``, it is only
    for people who see their own rows alone. ``points`` are charged for a call.
    """

    name: str
    description: str
    parameters: type[Parameters]
    run: Callable[[Caller, Any], Awaitable[Result]]
    requires: Permission
    for_guests: bool = False
    for_team: bool = True
    points: int = 5

    def is_for(self, actor: Actor) -> bool:
        if is_guest(actor):
            return self.for_guests
        return may(actor, self.requires) and (self.for_team or only_own(actor, self.requires))

    @property
    def declared(self) -> Tool:
        """The tool as a model is told of it."""
        return Tool(self.name, self.description, _strict_schema(self.parameters))


@cache
def _strict_schema(parameters: type[Parameters]) -> dict[str, Any]:
    """Returns a schema without titles and defaults, in which every property is required."""
    properties = {
        name: {key: value for key, value in each.items() if key not in ("title", "default")}
        for name, each in parameters.model_json_schema().get("properties", {}).items()
    }
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


async def call_tool(specs: Mapping[str, ToolSpec], caller: Caller, name: str, text: str) -> Result:
    """Runs a call as a model wrote it. Whatever is wrong with it becomes an error for the model."""
    spec = specs.get(name)
    if spec is None or not spec.is_for(caller.actor):
        return failure("UNKNOWN_TOOL", "There is no such tool for this person.")
    if len(text) > MAX_ARGUMENTS_LENGTH:
        return failure("INVALID", "The arguments are too long.")
    if r"\u0000" in text:
        return failure("INVALID", "The arguments have a character that no text may have.")
    try:
        given = spec.parameters.model_validate_json(text or "{}")
    except ValidationError as error:
        return failure("INVALID", _problems(error))
    try:
        return await spec.run(caller, given)
    except (Refusal, RequestError) as error:
        return _refused([error])
    except ExceptionGroup as group:
        refusals, others = group.split(Refusal)
        if others is not None or refusals is None:
            raise
        return _refused([*refusals_in(refusals)])


def failure(code: str, message: str) -> Result:
    """Returns an error that a model is told of."""
    return Result({"error": {"code": code, "message": message}}, is_error=True)


def _refused(errors: Sequence[Refusal | RequestError]) -> Result:
    text = " ".join(each.message if isinstance(each, Refusal) else str(each) for each in errors)
    return failure(str(errors[0].code), text)


def _problems(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in problems[:5]
    )
