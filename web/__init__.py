"""What the outside reaches by HTTP: the GraphQL endpoint, GraphiQL, health, metrics."""
