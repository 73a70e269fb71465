"""Example applications that call the local provider, and what the emitted metrics say about their caching."""
