"""Reads and changes of accounts: people who log in, and keys."""
