"""The assistant: conversations, proposals and budgets, suggestions, and how text is understood."""
