"""Rules of billing: what tenants pay for their plan."""
