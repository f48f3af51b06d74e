"""Billing of venues for their plan: a protocol, Stripe, and a local implementation."""
