"""Support: tickets between customers and the team, and articles."""
