"""Selects the language models of this installation."""

from typing import Final

from integrations.assistant.local import LocalModel
from integrations.assistant.protocol import Embeddings, LanguageModel
from kit.settings import Settings

OPENAI: Final = "https://api.openai.com/v1"
NO_KEY: Final = "none"
"""What a server is sent that asks for no key."""
DIMENSIONS: Final = 1536
"""How many dimensions the vectors of articles have at most."""


def language_model_of(settings: Settings) -> LanguageModel:
    """Returns the model at OpenAI, or at BOOM_OPENAI_BASE_URL.

    Without a key and an address, it is the local one, which needs no provider.
    """
    if not _has_provider(settings):
        return LocalModel()
    # Imported here: its package imports slowly, and many installations don't use it.
    from integrations.assistant.openai import OpenAIModel

    return OpenAIModel(
        api_key=_key(settings),
        model=settings.openai_model,
        base_url=settings.openai_base_url or OPENAI,
    )


def embeddings_of(settings: Settings) -> Embeddings | None:
    """Returns what turns texts into vectors; None without a provider."""
    if not _has_provider(settings):
        return None
    from integrations.assistant.openai_embeddings import OpenAIEmbeddings

    return OpenAIEmbeddings(
        api_key=_key(settings),
        model=settings.openai_embedding_model,
        dimensions=DIMENSIONS,
        base_url=settings.openai_base_url or OPENAI,
    )


def _has_provider(settings: Settings) -> bool:
    return settings.openai_api_key is not None or settings.openai_base_url is not None


def _key(settings: Settings) -> str:
    key = settings.openai_api_key
    return NO_KEY if key is None else key.get_secret_value()
