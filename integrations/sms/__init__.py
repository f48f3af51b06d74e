"""Sending of SMS."""
