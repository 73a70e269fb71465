"""The findings as data: what each means, and what to do about it."""
