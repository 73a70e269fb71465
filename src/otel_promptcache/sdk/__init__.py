"""The only package that imports openai."""
