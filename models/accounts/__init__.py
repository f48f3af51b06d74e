"""Tables and statements of accounts: users, sessions and API keys."""
