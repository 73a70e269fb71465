"""An independent model of a provider's prompt cache."""
