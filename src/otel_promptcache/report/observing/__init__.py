"""Observes the processes of a run, and writes their calls to a private folder."""
