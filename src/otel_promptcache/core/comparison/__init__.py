"""Which earlier prompt a prompt is compared with, and where the two diverge."""
