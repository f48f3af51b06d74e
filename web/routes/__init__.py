"""HTTP routes other than GraphQL: health, metrics, webhooks."""
