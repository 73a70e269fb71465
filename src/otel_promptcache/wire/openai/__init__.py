"""The wire formats of OpenAI's APIs."""
