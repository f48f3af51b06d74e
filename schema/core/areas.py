"""The parts that an area adds: to the schema, and to the changes of earlier areas."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from resolvers.core.hooks import Handler
from schema.core.mutations import FollowUp


@dataclass(frozen=True, slots=True)
class Area:
    """The parts that one area adds.

    ``queries``, ``mutations`` and ``subscriptions`` are classes of root fields. ``types`` are those
    that no field returns by name, only by their interface, such as refusals. ``extensions`` are
    classes declared by ``@extends``. ``handlers`` run in the transaction of an earlier area's
    change, by the type of its event. ``follow_ups`` run after the commit of a mutation that returns
    rows of a model, before its selection set is resolved.
    """

    queries: tuple[type, ...] = ()
    mutations: tuple[type, ...] = ()
    subscriptions: tuple[type, ...] = ()
    types: tuple[type, ...] = ()
    extensions: tuple[type, ...] = ()
    handlers: Mapping[Any, Handler[Any]] = field(default_factory=dict)
    follow_ups: tuple[tuple[type, FollowUp], ...] = ()
