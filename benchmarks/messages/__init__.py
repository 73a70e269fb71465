"""What is added to calls of Anthropic's SDK."""
