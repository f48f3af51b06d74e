"""What is run from the command line: `python -m commands.<name>`."""
