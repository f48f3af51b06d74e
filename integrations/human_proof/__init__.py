"""Whether somebody is a person, and not a program that books a venue full."""
