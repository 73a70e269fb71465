"""Generated applications with known faults, and how often the diagnosis is right about them."""
