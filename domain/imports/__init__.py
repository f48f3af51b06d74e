"""Rules of imports: how files are read, and what becomes of their rows."""
