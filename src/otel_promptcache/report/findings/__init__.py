"""From the calls of a run to what is said about them."""
