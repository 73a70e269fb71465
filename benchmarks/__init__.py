"""What the instrumentation costs, and whether it stays correct and bounded under load."""
