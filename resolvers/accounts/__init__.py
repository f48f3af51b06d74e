"""Use cases of accounts: users, sessions and API keys."""
