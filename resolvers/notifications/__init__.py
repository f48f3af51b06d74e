"""Use cases of notifications: texts, settings, deliveries and the inbox."""
