"""Understands requests for bookings in English, German, Spanish and French, without a model."""
