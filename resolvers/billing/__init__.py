"""Use cases of billing: subscriptions of tenants to plans."""
