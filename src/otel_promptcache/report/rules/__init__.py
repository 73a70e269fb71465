"""What can be found, what it means and what to do about it, as data."""
