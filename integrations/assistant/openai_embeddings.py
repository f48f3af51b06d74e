"""Vectors of texts by a model behind OpenAI's API, or a server that speaks it."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from openai import omit

from integrations.assistant.openai_client import (
    Deadline,
    TimeLimits,
    client_of,
    requested,
)
from integrations.assistant.protocol import ModelAnswerInvalid

LIMITS: Final = TimeLimits(first_event=20.0, answer=45.0)
# 64 vectors of 3,072 numbers, written in 30 characters each.
MAX_ANSWER_BYTES: Final = 6_000_000
TEXTS_PER_REQUEST: Final = 64
SHORTENED: Final = "text-embedding-3"
"""The models whose vectors have as many dimensions as are asked for."""


class OpenAIEmbeddings:
    """A model for embeddings that is reached with a key; ``dimensions`` is how many it may have."""

    def __init__(
        self,
        *,
        api_key: str,
        model: str,
        dimensions: int,
        base_url: str,
        limits: TimeLimits = LIMITS,
    ) -> None:
        self.model = model
        self.dimensions = dimensions
        self._limits = limits
        self._client = client_of(
            api_key=api_key,
            base_url=base_url,
            limits=limits,
            content_type="application/json",
            max_answer_bytes=MAX_ANSWER_BYTES,
        )
        # Imported by its first use, which takes so long that it mustn't be in a request.
        self._embeddings = self._client.embeddings

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        deadline = Deadline(self._limits)
        vectors: list[Sequence[float]] = []
        for start in range(0, len(texts), TEXTS_PER_REQUEST):
            some = list(texts[start : start + TEXTS_PER_REQUEST])
            vectors += await requested(
                partial(self._embed, some), limits=self._limits, deadline=deadline
            )
        return vectors

    async def close(self) -> None:
        await self._client.close()

    async def _embed(self, texts: list[str]) -> Sequence[Sequence[float]]:
        answer: Any = await self._embeddings.create(
            model=self.model,
            input=texts,
            # Others have one length, and refuse to be asked for it.
            dimensions=self.dimensions if self.model.startswith(SHORTENED) else omit,
            # Without it, the package asks for base64, which not every server knows.
            encoding_format="float",
        )
        found = sorted(answer.data, key=lambda each: each.index)
        vectors = [each.embedding for each in found]
        if [each.index for each in found] != list(range(len(texts))) or not all(
            self._is_vector(each) for each in vectors
        ):
            raise ModelAnswerInvalid("an answer hasn't one vector for each text")
        return vectors

    def _is_vector(self, value: object) -> bool:
        return (
            isinstance(value, list)
            and 1 <= len(value) <= self.dimensions
            and all(type(each) in (int, float) and math.isfinite(each) for each in value)
        )
