"""Writes tables as files."""
