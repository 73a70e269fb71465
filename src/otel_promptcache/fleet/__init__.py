"""A memory that the processes of a fleet share: keyed hashes, lengths and times, in Redis or in a file."""
