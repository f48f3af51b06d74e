"""Payments: one protocol for gateways, Stripe behind it, and a local one for the demo."""
