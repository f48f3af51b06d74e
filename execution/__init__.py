"""How an operation is run, whatever brings it: parsed, weighed, charged, executed, reported."""
