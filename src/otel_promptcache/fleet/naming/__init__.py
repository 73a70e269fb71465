"""What prompts, scopes and pieces are called in a fleet: keyed hashes, no text."""
