"""PostgreSQL: connections, transactions, statements, pagination."""
