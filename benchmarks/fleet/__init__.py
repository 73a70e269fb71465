"""Measures how often the verdicts are right if many processes share one provider's cache."""
