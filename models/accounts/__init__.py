"""Tables and statements of accounts: people who log in, and keys."""
