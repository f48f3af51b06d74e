"""Commands: `python -m commands.<name>`."""
