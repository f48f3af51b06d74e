"""Limits what a live field reads: only while it has subscribers, and in turns with others."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final


class Pace:
    """Paces the reads of a live field.

    ``turn`` is held for each read and each answer, and never while waiting for something that
    needs a turn itself. ``wanted`` is set while there are subscribers that can be sent events;
    events that happen while it is clear needn't be read.
    """

    __slots__ = ("turn", "wanted")

    def __init__(self, turn: AbstractAsyncContextManager[object]) -> None:
        self.turn = turn
        self.wanted = asyncio.Event()
        self.wanted.set()


UNBOUNDED: Final = Pace(nullcontext())
