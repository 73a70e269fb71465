"""The only package that imports openai and wrapt."""
