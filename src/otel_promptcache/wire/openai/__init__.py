"""How prompts and answers are written in the APIs of OpenAI."""
