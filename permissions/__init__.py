"""Permissions: roles and their grants, rules for own rows, and checks of fields."""
