"""Billing: one protocol for those who bill venues for their plan, Stripe and a local one."""
