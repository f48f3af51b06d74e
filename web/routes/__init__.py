"""What is served beside GraphQL: health, metrics, webhooks."""
