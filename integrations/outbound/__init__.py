"""Requests to addresses that customers of the platform choose, such as those of webhooks."""
