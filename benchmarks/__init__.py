"""Speed, as ratios side by side in one run: ours against the same SQL behind a bare handler."""
