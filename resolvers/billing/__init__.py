"""Reads and changes of billing: what tenants pay for their plan."""
