"""How much a live field may read: only while somebody is told, and in turns with others."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final


class Pace:
    """What a live field keeps to.

    ``turn`` is held for each read and each answer, and never while something else is waited for
    that needs a turn. ``wanted`` is set while anybody can be told; what happens while it is clear
    needn't be read.
    """

    __slots__ = ("turn", "wanted")

    def __init__(self, turn: AbstractAsyncContextManager[object]) -> None:
        self.turn = turn
        self.wanted = asyncio.Event()
        self.wanted.set()


UNBOUNDED: Final = Pace(nullcontext())
