"""Reads the calls of a run, and sums them up."""
