"""The providers, as data."""
