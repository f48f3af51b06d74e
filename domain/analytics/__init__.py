"""Rules of analytics: what is counted, and over which dates."""
