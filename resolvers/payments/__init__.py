"""Use cases of payments for bookings: payments, refunds, moves and the ledger."""
