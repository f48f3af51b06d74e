"""Use cases of tenants: settings, plans and their limits."""
