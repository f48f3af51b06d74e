"""GraphQL machinery that knows nothing of bookings: costs, limits, variables."""
