"""Rules that all areas use."""
