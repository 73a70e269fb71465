"""The wire formats: prompts, usage, events and bodies of each API."""
