"""Shows a report in a terminal, as a page and as JSON."""
