"""Imports: takes files, and adds what their rows have."""
