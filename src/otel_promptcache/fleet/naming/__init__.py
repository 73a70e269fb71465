"""The names of prompts, scopes and pieces in a fleet: keyed hashes, no text."""
