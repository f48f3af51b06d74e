"""The HTTP server below any route: connections, headers, bodies and callers."""
