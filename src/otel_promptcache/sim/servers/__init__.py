"""Servers other than OpenAI, as data: how they cache, and how they report it."""
