"""What an area brings to the schema."""

from dataclasses import dataclass

from schema.core.mutations import FollowUp


@dataclass(frozen=True, slots=True)
class Area:
    """The parts of the schema that one area adds.

    ``queries``, ``mutations`` and ``subscriptions`` hold root fields. ``types`` are those that no
    field names, only their interface. ``extensions`` are classes declared by ``@extends``.
    ``follow_ups`` say what to do once rows of a model have changed.
    """

    queries: tuple[type, ...] = ()
    mutations: tuple[type, ...] = ()
    subscriptions: tuple[type, ...] = ()
    types: tuple[type, ...] = ()
    extensions: tuple[type, ...] = ()
    follow_ups: tuple[tuple[type, FollowUp], ...] = ()
