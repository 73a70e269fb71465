"""Token counts and what they cost."""
