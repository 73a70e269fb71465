"""Where a fleet keeps what it knows: Redis or Valkey, or a file."""
