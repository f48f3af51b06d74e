"""Reads and changes of tenants: businesses and their plans."""
