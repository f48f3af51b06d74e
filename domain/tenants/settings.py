"""What the settings of a venue may be."""

LONGEST_MINUTES = (31 * 24 + 1) * 60
"""No booking is longer, whatever a venue's settings say: 31 days, one of them with 25 hours."""
