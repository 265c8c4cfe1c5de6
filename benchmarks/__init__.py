"""What is timed. Ratios against a stated baseline of the same session; CPU time before wall time."""
