"""Wire formats to core types. Imports core only, never an SDK."""
