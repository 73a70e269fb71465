"""The command `otel-promptcache`."""
