"""Rules of tenants: businesses and their plans."""
