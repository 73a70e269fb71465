"""Measures what the instrumentation costs, and checks that it stays correct and bounded under load."""
