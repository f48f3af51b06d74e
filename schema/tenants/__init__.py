"""The API of tenants: businesses and their plans."""
