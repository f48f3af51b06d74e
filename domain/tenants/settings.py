"""What the settings of a venue may be."""

LONGEST_MINUTES = (31 * 24 + 1) * 60
"""The longest booking that any venue can allow: 31 days, one of them with 25 hours."""
