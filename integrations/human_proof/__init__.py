"""Human proof: keeps programs from booking a venue full."""
