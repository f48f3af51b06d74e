"""What apps have parsed and compiled, kept for the apps of later tests in the same process.

Each app's own caches begin empty, and whoever fills them is charged, as ever: only the work is
not done twice. What is invalid or not compiled is worked out each time, with what it logs.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from graphql import VariableValues

from execution.document_cache import Document, Documents
from kit.actor import Actor
from kit.graphql.compiler import plans
from kit.graphql.compiler.document_signature import NormalizedOperation
from kit.graphql.compiler.plans import MadePlan, Plans
from kit.graphql.compiler.selection import Selection, Selector

_KEPT: Final = 5_000
_documents: Final[dict[Hashable, Any]] = {}
_selections: Final[dict[Hashable, Any]] = {}
_plans: Final[dict[Hashable, Any]] = {}
_read: Final = Documents.read
_compile: Final = Plans._compile


def share_parsed() -> None:
    """Has all apps of this process share what they parse and compile."""
    Plans._compile = _compile_once  # type: ignore[assignment,method-assign]
    Documents.read = _read_once  # type: ignore[assignment,method-assign]


@contextmanager
def nothing_shared() -> Iterator[None]:
    """Has apps parse and compile everything anew, and keeps none of it."""
    caches = (_documents, _selections, _plans)
    kept = [dict(each) for each in caches]
    for cache in caches:
        cache.clear()
    try:
        yield
    finally:
        for cache, before in zip(caches, kept, strict=True):
            cache.clear()
            cache.update(before)


def _read_once(
    documents: Documents, text: str, *, is_anonymous: bool, operation_name: str | None = None
) -> Document:
    key = (documents._schema, text, is_anonymous, operation_name)
    known: Document | None = _documents.get(key)
    if known is None:
        known = _read(documents, text, is_anonymous=is_anonymous, operation_name=operation_name)
        _put(_documents, key, known)
    return known


def _compile_once(
    compiling: Plans,
    key: Hashable,
    normalized: NormalizedOperation,
    variables: VariableValues,
    actor: Actor,
    now: datetime,
    select_of: Callable[[Selector], Selection],
) -> MadePlan:
    shared = (compiling._schema, compiling._allows, key)
    selection = _selections.get(shared)
    if selection is not None:
        leaves, shapes = plans._parameterized(selection, normalized, variables, actor, now)
        plan = _plans.get((shared, shapes))
        if plan is not None:
            return MadePlan(key, selection, shapes, plan, leaves)
    made = _compile(compiling, key, normalized, variables, actor, now, select_of)
    whole = made.plan is not None and len(made.plan.keys) == len(made.selection.roots)
    if made.plan is not None and whole and not made.selection.others:
        _put(_selections, shared, made.selection)
        _put(_plans, (shared, made.shapes), made.plan)
    return made


def _put(cache: dict[Hashable, Any], key: Hashable, value: Any) -> None:
    if len(cache) >= _KEPT:
        del cache[next(iter(cache))]
    cache[key] = value
