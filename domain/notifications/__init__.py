"""Rules of notifications: what is sent to whom, by which channel, when, and in which words."""
