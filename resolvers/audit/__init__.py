"""Reads of the audit log, and where it ends."""
