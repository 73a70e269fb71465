"""How requests and answers are written: prompts, usage, events and bodies of each API."""
