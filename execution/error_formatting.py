"""Formats errors for clients: always with a code, and without internal details."""

from collections.abc import Sequence
from traceback import extract_tb
from typing import Any, Final

import structlog
from graphql import ExecutionResult, GraphQLError
from sqlalchemy.exc import SQLAlchemyError
from strawberry.utils.str_converters import to_camel_case

from domain.core.refusals import Refusal, refusals_in
from kit.actor import Request
from kit.errors import BadInput, RequestError, Throttled, Unavailable
from kit.graphql.input_errors import null_in_graphql
from kit.postgres.failures import is_away, sqlstate

MAX_ERRORS: Final = 10
RETRY_AFTER_SECONDS: Final = 1
INTERNAL: Final = "INTERNAL"
REFUSALS: Final = (GraphQLError, RequestError, Refusal)
"""The errors that are meant for callers."""

log = structlog.get_logger(__name__)

FormattedError = dict[str, Any]


def format_errors(
    errors: Sequence[GraphQLError], request: Request, *, code: str | None = None
) -> list[FormattedError]:
    """Formats at most ten errors for a response.

    ``code`` is for errors without a code of their own. Unexpected errors are logged and masked;
    the client gets only the request's id.
    """
    return [_formatted(error, request, code) for error in errors[:MAX_ERRORS]]


def in_document_order(result: ExecutionResult) -> Sequence[GraphQLError]:
    """Sorts the errors of a result in document order, whichever field failed first.

    That is the order of the response's keys; below a null, the order of the fields in the
    document.
    """
    errors = result.errors or ()
    if len(errors) < 2:
        return errors
    ranks: dict[int, dict[str, int]] = {}

    def place(error: GraphQLError) -> tuple[list[int], list[tuple[int, int]]]:
        steps: list[int] = []
        value: Any = result.data
        for step in error.path or ():
            if isinstance(step, int) and isinstance(value, list):
                steps.append(step)
                value = value[step]
            elif isinstance(step, str) and isinstance(value, dict) and step in value:
                if id(value) not in ranks:
                    ranks[id(value)] = {key: rank for rank, key in enumerate(value)}
                steps.append(ranks[id(value)][step])
                value = value[step]
            else:
                break
        return steps, [(where.line, where.column) for where in error.locations or ()]

    return sorted(errors, key=place)


def format_failure(error: Exception, request: Request) -> list[FormattedError]:
    """Formats the error of an operation that failed as a whole."""
    if not isinstance(error, GraphQLError):
        error = GraphQLError(str(error), original_error=error)
    return format_errors([error], request)


def codes(errors: Sequence[FormattedError]) -> list[str]:
    return sorted({error["extensions"]["code"] for error in errors})


def retry_after_seconds(errors: Sequence[FormattedError]) -> int | None:
    """Returns after how many seconds to retry; None if the errors don't say."""
    waits = [
        error["extensions"]["retryAfterSeconds"]
        for error in errors
        if "retryAfterSeconds" in error["extensions"]
    ]
    return max(waits, default=None)


def _formatted(error: GraphQLError, request: Request, code: str | None) -> FormattedError:
    result: FormattedError = dict(error.formatted)
    extensions = dict(error.extensions or {})
    cause = _classify(error.original_error)
    match cause:
        case Refusal():
            # Outside a mutation there is no payload for a refusal.
            result["message"] = str(cause)
            extensions["code"] = BadInput.code
            if cause.path:
                extensions["argumentPath"] = [_in_api(step) for step in cause.path]
        case None:
            result["message"] = null_in_graphql(error.message)
            extensions.setdefault("code", code or BadInput.code)
        case Throttled():
            result["message"] = str(cause)
            extensions["code"] = cause.code
            extensions["retryAfterSeconds"] = cause.retry_after_seconds
        case Unavailable():
            result["message"] = str(cause)
            extensions["code"] = cause.code
            extensions["retryAfterSeconds"] = RETRY_AFTER_SECONDS
        case RequestError():
            result["message"] = str(cause)
            extensions["code"] = cause.code
        case _:
            log.error(
                "operation.failed",
                request=str(request.id),
                path=error.path,
                sqlstate=sqlstate(cause),
                trace=_trace(cause),
            )
            result["message"] = "Something went wrong on our side."
            extensions = {"code": INTERNAL, "requestId": str(request.id)}
    result["extensions"] = extensions
    return result


def _classify(cause: BaseException | None) -> BaseException | None:
    """Returns the cause, translated for the caller if the database is unavailable."""
    if cause is None or isinstance(cause, RequestError | Refusal):
        return cause
    if isinstance(cause, GraphQLError):
        return _classify(cause.original_error)
    if isinstance(cause, ExceptionGroup) and cause.split(Refusal)[1] is None:
        # An error tells one of them: without a payload there is no list.
        return next(iter(refusals_in(cause)))
    if is_away(cause):
        log.warning("database.away", reason=type(cause).__name__, sqlstate=sqlstate(cause))
        return Unavailable("The service is unavailable; try again in a moment.")
    return cause


def _in_api(step: str | int) -> str | int:
    return to_camel_case(step.rstrip("_")) if isinstance(step, str) else step


def _trace(error: BaseException) -> list[str]:
    """Returns the tracebacks of an error and its causes, without local values."""
    lines: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        # Messages of database errors quote rows, and so names and addresses.
        message = "" if sqlstate(seen) or isinstance(seen, SQLAlchemyError) else f": {seen}"
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}{message}")
        lines += [f"  {f.filename}:{f.lineno} {f.name}" for f in extract_tb(seen.__traceback__)]
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return lines
