"""Refusals about notifications."""

from dataclasses import dataclass

from domain.core.refusals import Code, Refusal


@dataclass(eq=False)
class TemplateChanged(Refusal):
    """Another caller changed the template first; ``current`` is how it stands now."""

    code = Code.STALE_VERSION
    current: object

    def __str__(self) -> str:
        return "The template has changed since you read it; check its text and try again."
