"""HTML pages: GraphiQL and the demo checkout."""
