"""Benchmarks, as ratios within one run: ours against the same SQL behind a bare handler."""
