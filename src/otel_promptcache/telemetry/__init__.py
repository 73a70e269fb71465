"""The only package, with `instrumentor`, that imports OpenTelemetry."""
