"""Connections, heads, bodies and callers, below any route."""
