"""How fields are answered and changes are made: load, decide, save, tell."""
