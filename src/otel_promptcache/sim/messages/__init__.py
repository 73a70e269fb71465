"""Anthropic's prompt cache as a pure model, written from the documentation alone."""
