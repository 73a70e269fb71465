"""One call of the application: from its request to its answer and its end."""
