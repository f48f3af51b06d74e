"""The rules of webhooks: events, signatures and retries."""
