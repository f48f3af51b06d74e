"""Pages that are served: GraphiQL and the demo checkout."""
