"""Subscriptions: the event streams behind live fields."""
