"""`POST /responses`, what is like it, and what can be done with a stored response."""
