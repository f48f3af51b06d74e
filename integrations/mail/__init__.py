"""Mail: what sends it."""
