"""Payments: a protocol for gateways, Stripe, and a local gateway for the demo."""
