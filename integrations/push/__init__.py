"""Sending of web pushes."""
