"""Turns the calls of a run into findings."""
