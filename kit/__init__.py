"""Machinery without booking words."""
