"""Transactions, locks, mail and hooks, for the use cases of all areas."""
