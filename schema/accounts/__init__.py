"""The API of accounts: people who log in, and keys."""
