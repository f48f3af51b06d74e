"""Rules of accounts: people who log in, and keys."""
