"""The provider's HTTP API, on top of the cache."""
