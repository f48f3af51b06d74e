"""Settings of the property tests."""

from hypothesis import settings

# No deadline: a slow machine is no broken rule. No database: what fails is printed.
settings.register_profile("rules", deadline=None, database=None, print_blob=True)
settings.load_profile("rules")
