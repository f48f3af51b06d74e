"""Use cases, as plain async functions: load, decide, save, emit events."""
