"""Applications at work against the local provider, and what the emitted metrics say about their caching."""
