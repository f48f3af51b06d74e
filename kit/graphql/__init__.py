"""GraphQL without booking words: costs, limits, variables."""
