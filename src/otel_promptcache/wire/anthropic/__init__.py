"""The Messages API of Anthropic, and of the platforms and servers that speak it."""
